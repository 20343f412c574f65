import { Thinning } from '../../src/spool/thinning.js';
import type { ThinningGoal } from '../../src/spool/thinning.js';

const sample = (type: string, series: string, timestamp: string) => ({
  text: '',
  meter: 'm',
  type,
  series,
  timestamp,
  sequence: 0n,
});

/** The timestamps that are kept of these series, at 100 bytes for each sample. */
function kept(goal: ThinningGoal, samples: readonly ReturnType<typeof sample>[]): string[] {
  const thinning = new Thinning(goal);
  for (const one of samples) thinning.count(one, 100);
  const drops = thinning.settle();
  const left = samples.filter((one) => thinning.keeps(one));
  expect(drops).toBe(left.length < samples.length);
  return left.map(({ type, series, timestamp }) => `${type[0]}${series}${timestamp}`);
}

const times = (type: string, series: string, count: number) =>
  Array.from({ length: count }, (_, index) => sample(type, series, String(index + 1)));

it('keeps the ends of a cumulative series, and a gauge completely if that is enough', () => {
  const all = [...times('cumulative', 'A', 6), ...times('gauge', 'B', 3)];
  expect(kept({ cutoff: '', bytes: 500 }, all)).toEqual(['cA1', 'cA6', 'gB1', 'gB2', 'gB3']);
});

it('halves gauges until the rest fits, and keeps the last sample of each', () => {
  const all = [...times('gauge', 'A', 8), ...times('gauge', 'B', 1), ...times('delta', 'C', 2)];
  expect(kept({ cutoff: '', bytes: 700 }, all)).toEqual(['gA2', 'gA4', 'gA6', 'gA8', 'gB1', 'dC1', 'dC2']);
  expect(kept({ cutoff: '', bytes: 500 }, all)).toEqual(['gA4', 'gA8', 'gB1', 'dC1', 'dC2']);
  expect(kept({ cutoff: '', bytes: 0 }, all)).toEqual(['gA8', 'gB1', 'dC1', 'dC2']);
});

it('drops gauges that are too old, and cumulative samples between two that are too old', () => {
  const all = [...times('cumulative', 'A', 6), ...times('gauge', 'B', 4), ...times('delta', 'C', 2)];
  expect(kept({ cutoff: '4', bytes: undefined }, all)).toEqual([
    'cA1',
    'cA3',
    'cA4',
    'cA5',
    'cA6',
    'gB4',
    'dC1',
    'dC2',
  ]);
});

it('does not drop series with single readings', () => {
  const all = [...times('cumulative', 'A', 2), ...times('gauge', 'B', 1), ...times('unknown', 'C', 5)];
  expect(kept({ cutoff: '', bytes: 0 }, all)).toHaveLength(8);
});
