import { exampleSample } from '@nephoscope/testing';
import fc from 'fast-check';

const second = 1_000_000_000n;
const start = 1_790_000_000n * second;

/** Samples of one meter, of up to three resources that restart, move between two projects and are resized, in random order and some repeated. */
export const randomSamples = fc
  .record({
    type: fc.constantFrom('cumulative', 'gauge', 'delta'),
    readings: fc.array(
      fc.record({
        seconds: fc.integer({ min: 0, max: 20_000 }),
        resourceId: fc.constantFrom('a', 'b', 'c'),
        projectId: fc.constantFrom('p', 'q', null),
        epoch: fc.constantFrom('run-1', 'run-2', 'run-3'),
        volume: fc.oneof(
          fc.bigInt({ min: 0n, max: 10n ** 30n }).map(String),
          fc.nat(999).map((thousandths) => `${thousandths}e-30`),
          fc.nat(99).map(String),
        ),
        flavor: fc.constantFrom('"small"', '12345678901234567890', 'null'),
        late: fc.nat(),
        twice: fc.boolean(),
      }),
      { maxLength: 40 },
    ),
  })
  .map(({ type, readings }) => ({
    range: { start: start + 3_600n * second, end: start + 12_345n * second },
    /** @param meter distinguishes them from others in the same store */
    samplesOf: (meter: string) =>
      readings
        .sort((one, other) => one.late - other.late)
        .flatMap(({ seconds, flavor, late: _, twice, epoch, ...fields }) => {
          const sample = exampleSample({
            ...{ ...fields, meter, type, timestamp: start + BigInt(seconds) * second, unit: 'B' },
            ...{ epoch: type === 'cumulative' ? epoch : null, metadata: `{"flavor": {"name": ${flavor}}}` },
          });
          return twice ? [sample, sample] : [sample];
        }),
  }));
