import { planFaults } from '../fault-plan.js';
import type { Targets } from '../fault-plan.js';

const targets: Targets = {
  program: ['agent-1', 'collector-1', 'collector-2'],
  service: ['broker', 'database'],
  link: ['agent-1 to broker', 'collector-1 to database'],
  disk: ['disk of agent-1', 'disk of the store'],
};

it('is the same for the same seed, and differs for another one', () => {
  expect(planFaults(7, targets, 60_000)).toEqual(planFaults(7, targets, 60_000));
  expect(planFaults(7, targets, 60_000)).not.toEqual(planFaults(8, targets, 60_000));
});

it('is the beginning of a longer plan with the same seed', () => {
  const short = planFaults(2 ** 32 - 1, targets, 20_000);
  expect(planFaults(2 ** 32 - 1, targets, 60_000).slice(0, short.length)).toEqual(short);
});

it('applies every fault to every class of targets before it repeats any', () => {
  const kindsOf = (seed: number) => planFaults(seed, targets, 120_000).map(({ on, kind }) => `${on}: ${kind}`);
  for (const seed of [0, 1, 2, 3]) {
    const kinds = kindsOf(seed);
    const all = new Set(kinds);
    expect(all.size).toBe(12);
    expect(new Set(kinds.slice(0, all.size))).toEqual(all);
  }
});

it('has faults in order, within the duration, and some that overlap', () => {
  const faults = planFaults(42, targets, 60_000);
  const times = faults.map(({ at }) => at);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(Math.max(...times)).toBeLessThan(60_000);
  expect(faults.some(({ at, lasts }, index) => (faults[index + 1]?.at ?? Infinity) < at + lasts)).toBe(true);
  for (const { on, target } of faults) expect(targets[on]).toContain(target);
});
