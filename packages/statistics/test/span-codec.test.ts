import fc from 'fast-check';

import { parseDecimal } from '../src/decimal.js';
import { instantOf } from '../src/instant.js';
import { rolledRules } from '../src/rolled-rules.js';
import { Span } from '../src/span.js';
import { appendSpans, decodeSpans, encodeSpans, lastNumber } from '../src/span-codec.js';
import { stateOf } from '../src/state-of-span.js';
import type { SpanState } from '../src/span-state.js';
import { histories, history, inTime } from './histories.js';
import type { OracleReading } from './oracle.js';

const minute = 60_000_000_000n;
const origin = 1_790_000_000_000_000_000n;

/** With minutes for ticks: some are further apart than usual. */
function spanOfReadings(readings: readonly OracleReading[], type: SpanState['rules']['type'], exponent: number) {
  const span = new Span(rolledRules(type));
  const times = new Set(readings.map(({ time }) => time));
  for (const at of [...times].sort((one, other) => one - other)) {
    const some = readings.filter(({ time }) => time === at);
    const instant = some.map((one) => ({
      at: origin + BigInt(at) * minute + 7n,
      volume: parseDecimal(`${one.volume}e${exponent}`),
      ...{ epoch: one.epoch, group: one.group, id: '' },
    }));
    span.add(
      instantOf(
        type,
        instant.map((one, number) => ({ ...one, id: `${number}` })),
      ),
    );
  }
  return span;
}

/** Without the ids of readings, which are not stored. */
const withoutIds = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (key, item: unknown) =>
      key === 'id' ? '' : typeof item === 'bigint' ? `${item}n` : item,
    ),
  );

it('a span is the same after it was stored, with digits of any size', () => {
  fc.assert(
    fc.property(history, fc.constantFrom(-30, -2, 0, 30), ({ rules, readings }, exponent) => {
      const { type } = rules;
      const series = [...new Set(readings.map((reading) => reading.series))];
      const spans = series.map((name, number) => ({
        number,
        span: stateOf(spanOfReadings(inTime(readings.filter((one) => one.series === name)), type, exponent)),
      }));
      const bytes = encodeSpans(spans, origin);
      expect(withoutIds(decodeSpans(bytes, type, origin))).toEqual(withoutIds(spans));
      expect(lastNumber(bytes)).toBe(spans.length - 1);
      // In two steps it becomes the same.
      const first = encodeSpans(spans.slice(0, 1), origin);
      expect(appendSpans(first, spans.slice(1), origin)).toEqual(bytes);
    }),
    { numRuns: histories },
  );
});

it.each(['cumulative', 'gauge'] as const)('an hour of a steady %s takes few bytes', (type) => {
  const readings = Array.from({ length: 60 }, (_, time) => ({
    ...{ series: 'a', epoch: type === 'gauge' ? null : 'run', group: 'p', time },
    volume: type === 'gauge' ? 4_096 : 8_292_646_586 + time * 59_000_000,
  }));
  const span = stateOf(spanOfReadings(readings, type, 0));
  const both = encodeSpans(
    [
      { number: 0, span },
      { number: 1, span },
    ],
    origin,
  );
  const one = encodeSpans([{ number: 0, span }], origin);
  expect(both.length - one.length).toBeLessThan(45);
});

it('bytes that are cut off or of another version are refused', () => {
  const span = stateOf(
    spanOfReadings([{ series: 'a', time: 3, volume: 5, epoch: 'run', group: 'p' }], 'cumulative', 0),
  );
  const bytes = encodeSpans([{ number: 5, span }], origin);
  const decode = (some: Uint8Array) => () => decodeSpans(some, 'cumulative', origin);
  for (let length = 0; length < bytes.length; length += 1)
    expect(decode(bytes.subarray(0, length))).toThrow(expect.objectContaining({ code: 'ROLLUP_DAMAGED' }));
  expect(decode(Uint8Array.of(9, 0, 0))).toThrow(expect.objectContaining({ code: 'ROLLUP_DAMAGED' }));
});
