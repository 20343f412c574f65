import fc from 'fast-check';

import { partitionOf, wantedPartitions } from '../../src/postgresql/partitions.js';

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const now = 1_795_608_000_000_000_000n;

it('puts every time into exactly one week from Monday to Monday', () => {
  fc.assert(
    fc.property(int64, (time) => {
      const { start, end } = partitionOf(time);
      expect(start <= time && time < end).toBe(true);
      expect(end - start).toBe(604_800_000_000_000n);
      expect(new Date(Number(start / 1_000_000n)).getUTCDay()).toBe(1);
      expect(partitionOf(end - 1n)).toEqual(partitionOf(start));
    }),
  );
});

it('asks for a limited number of partitions, whatever the times', () => {
  const week = 604_800_000_000_000n;
  const times = Array.from({ length: 5_000 }, (_, at) => now + (BigInt(at) - 2_500n) * week);
  expect(wantedPartitions([...times, -(2n ** 63n), 2n ** 63n - 1n], now).size).toBe(525);
});
