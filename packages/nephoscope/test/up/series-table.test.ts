import { RecordedSeries } from '../../src/up/recorded-series.js';
import { fittingSeriesTable, seriesTable } from '../../src/up/series-table.js';
import { sampleOf } from '../sample.js';

const second = 1_000_000_000n;
const start = 1_000_000_000n * second;

function seriesOf(instances: number, meters: readonly string[]) {
  const recorded = new RecordedSeries(start);
  for (let index = 1; index <= instances; index++) {
    for (const name of meters)
      recorded.add(
        sampleOf({ name, resourceId: `i${index}`, resourceMetadata: { display_name: `web-${index}` } }),
      );
  }
  return recorded.all;
}

const lines = (table: string) => table.split('\n');

describe('seriesTable', () => {
  it('shows exact volumes and the change per second of cumulative meters', () => {
    const recorded = new RecordedSeries(start);
    for (const [seconds, volume] of [
      [0n, 18446744073709550615n],
      [10n, 18446744073709551615n],
    ] as const) {
      recorded.add(sampleOf({ volume, timestamp: start + seconds * second }));
      recorded.add(
        sampleOf({ name: 'power.state', type: 'gauge', unit: '', volume: 1, timestamp: start + seconds * second }),
      );
    }
    expect(lines(seriesTable(recorded.all))).toEqual([
      'INSTANCE  METER        DEVICE                      VOLUME  UNIT  CHANGE/S',
      'web       cpu                  18,446,744,073,709,551,615  ns         100',
      '          power.state                                   1',
    ]);
  });

  it('marks a counter that started again', () => {
    const recorded = new RecordedSeries(start);
    recorded.add(sampleOf({ volume: 500n, timestamp: start }, { epoch: 'run 1' }));
    recorded.add(sampleOf({ volume: 5n, timestamp: start + second }, { epoch: 'run 2' }));
    expect(lines(seriesTable(recorded.all))[1]).toMatch(/ 5 {2}ns {4}restarted$/);
  });
});

describe('fittingSeriesTable', () => {
  it('shows everything if there is room', () => {
    const all = seriesOf(2, ['cpu', 'vcpus']);
    expect(fittingSeriesTable(all, 5, 200)).toBe(seriesTable(all));
  });

  it.each([3, 4, 5, 8, 13, 24, 50])('fits into %s lines, however many series there are', (height) => {
    for (const instances of [1, 2, 7, 40]) {
      const table = fittingSeriesTable(seriesOf(instances, ['cpu', 'a', 'b', 'c', 'd']), height, 200);
      expect(lines(table).length).toBeLessThanOrEqual(height);
    }
  });

  it('keeps the most important meters of each instance and counts the others', () => {
    const table = fittingSeriesTable(seriesOf(2, ['a', 'b', 'c', 'cpu', 'memory.usage']), 7, 200);
    expect(
      lines(table)
        .slice(1)
        .map((line) => line.split(/ {2,}/).slice(0, 2)),
    ).toEqual([
      ['web-1', 'cpu'],
      ['', 'memory.usage'],
      ['', '… and 3 more'],
      ['web-2', 'cpu'],
      ['', 'memory.usage'],
      ['', '… and 3 more'],
    ]);
  });

  it('counts instances for which there is no room', () => {
    const table = fittingSeriesTable(seriesOf(10, ['a', 'b', 'c']), 8, 200);
    expect(lines(table).at(-1)).toContain('… and 7 more instances');
  });

  it('shortens the names of instances to the width', () => {
    const recorded = new RecordedSeries(start);
    recorded.add(
      sampleOf({ resourceMetadata: { display_name: 'a-name-that-is-much-longer-than-there-is-room-for' } }),
    );
    for (const line of lines(fittingSeriesTable(recorded.all, 10, 60)))
      expect(line.length).toBeLessThanOrEqual(60);
  });
});
