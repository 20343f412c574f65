import { join } from 'node:path';

import { FakeClock, FakeInspector, fakeStart, instanceReading } from '@nephoscope/testing';

import { createAgent, lines, pollster, ScriptedBus, temporaryFolder } from './support.js';

const root = temporaryFolder();
const day = 86_400_000;
let runs = 0;

/** What agents on one state directory send about a disk, with one reading for each volume. */
function metered() {
  const stateDirectory = join(root, String(++runs));
  const sent: { volume: number; epoch: unknown }[] = [];
  const read = async (volumes: readonly number[], clock: FakeClock, between: () => void = () => undefined) => {
    let volume = 0;
    const meter = { name: 'disk', type: 'cumulative', unit: 'B', description: 'of the tests' } as const;
    const disk = pollster('disk', [meter], function* () {
      yield { meter: 'disk', volume: volume };
    });
    const bus = new ScriptedBus();
    const inspector = new FakeInspector([instanceReading()]);
    const { agent } = createAgent({ stateDirectory, pollsters: [disk], inspector, bus, clock });
    await inspector.start(AbortSignal.timeout(20_000));
    await agent.start();
    for (const next of volumes) {
      volume = next;
      await agent.once(AbortSignal.timeout(20_000));
      between();
    }
    await agent.stop();
    for (const line of lines(bus.confirmed))
      sent.push({ volume: line['counter_volume'] as number, epoch: line['epoch'] });
  };
  return { read, sent };
}

/** No epoch returns after another one, and no volume falls within an epoch. */
function expectCounted(sent: ReturnType<typeof metered>['sent']): void {
  const last = new Map<unknown, number>();
  let epoch: unknown;
  for (const one of sent) {
    if (one.epoch !== epoch) expect(last.has(one.epoch)).toBe(false);
    expect(one.volume).toBeGreaterThanOrEqual(last.get(one.epoch) ?? 0);
    last.set(one.epoch, one.volume);
    epoch = one.epoch;
  }
  expect(last.size).toBe(2);
}

it.each([40, 36_525, -20_000])('a clock that is set by %d days for one cycle loses no epoch', async (days) => {
  const { read, sent } = metered();
  const clock = new FakeClock();
  const steps = [0, 0, 0, days, -days, 0];
  // The disk is attached again after the second one.
  await read([1_000, 9_000, 100, 200, 300, 400], clock, () => clock.step((steps.shift() ?? 0) * day));
  expect(sent).toHaveLength(6);
  expectCounted(sent);
});

it.each([40, 400, -20_000])(
  'an agent that restarts with the clock set by %d days loses no epoch',
  async (days) => {
    const { read, sent } = metered();
    await read([1_000, 9_000, 100, 200], new FakeClock());
    await read([300], new FakeClock(fakeStart + BigInt(days) * BigInt(day) * 1_000_000n));
    await read([400], new FakeClock());
    expect(sent).toHaveLength(6);
    expectCounted(sent);
  },
);
