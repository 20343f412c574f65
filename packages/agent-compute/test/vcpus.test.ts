import { instanceReading, pollCounters } from '@nephoscope/testing';

import { Epochs } from '../src/epochs.js';
import cpu from '../src/pollsters/cpu.js';

/** The totals of one run; each reading has the used and waited time of each virtual CPU by its number. */
async function totals(timeNs: bigint, readings: readonly Readonly<Record<number, readonly [bigint, bigint]>>[]) {
  const epochs = new Epochs();
  const volumes: Record<string, bigint[]> = {};
  for (const vcpus of readings) {
    const list = Object.entries(vcpus).map(([number, [used, waited]]) => ({
      number: Number(number),
      timeNs: used,
      waitNs: waited,
    }));
    const reading = instanceReading({ cpu: { count: list.length, timeNs, vcpus: list } });
    for (const total of (await pollCounters(cpu, reading)).totals) {
      const { counter, epoch } = epochs.settle(total, reading.instance, 0)!;
      expect(epoch).toBe(reading.instance.run);
      (volumes[counter.name] ??= []).push(BigInt(counter.volume));
    }
  }
  return volumes;
}

it('counts the use of both when a virtual CPU is removed and another one added', async () => {
  const readings = [{ 0: [50n, 5n], 1: [40n, 4n] }, { 0: [60n, 6n] }, { 0: [70n, 7n], 1: [3n, 1n] }] as const;
  expect(await totals(200n, readings)).toEqual({
    'cpu.vcpu': [90n, 100n, 113n],
    'cpu.wait': [9n, 10n, 12n],
    'cpu.overhead': [110n, 110n, 110n],
  });
});

it('takes an added virtual CPU with a higher count for the removed one: the total is too low, never too high', async () => {
  const readings = [{ 0: [50n, 5n], 1: [2n, 1n] }, { 0: [60n, 6n] }, { 0: [70n, 7n], 1: [9n, 1n] }] as const;
  expect(await totals(200n, readings)).toMatchObject({ 'cpu.vcpu': [52n, 62n, 79n], 'cpu.wait': [6n, 7n, 8n] });
});
