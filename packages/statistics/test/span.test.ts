import fc from 'fast-check';

import { Cell } from '../src/cell.js';
import { parseDecimal } from '../src/decimal.js';
import { instantOf } from '../src/instant.js';
import type { Reading } from '../src/instant.js';
import { periodsOf } from '../src/periods.js';
import type { Period } from '../src/periods.js';
import { Series } from '../src/series.js';
import { Span } from '../src/span.js';
import { spanOf, stateOf } from '../src/state-of-span.js';
import { histories, history, inTime } from './histories.js';
import type { History } from './histories.js';

function readingsOf({ readings }: History): Reading[] {
  return inTime(readings.filter(({ series }) => series === 'series-0')).map((reading) => ({
    at: BigInt(reading.time),
    volume: parseDecimal(`${reading.volume}e-2`),
    epoch: reading.epoch,
    group: reading.group,
    id: JSON.stringify(reading),
  }));
}

const rulesOf = ({ rules: { type, usual, hold } }: History) => ({
  ...{ type, usual: BigInt(usual), distribution: true },
  hold: hold === undefined ? undefined : BigInt(hold),
});

function instantsOf(one: History) {
  const byTime = new Map<bigint, Reading[]>();
  for (const reading of readingsOf(one)) byTime.set(reading.at, [...(byTime.get(reading.at) ?? []), reading]);
  return [...byTime.values()].map((readings) => instantOf(one.rules.type, readings));
}

/** A span for each of these parts of time, stored and read again. */
function spansOf(one: History, edges: readonly number[]): Span[] {
  const parts = [...edges, Infinity].map((end, at) => ({ start: edges[at - 1] ?? -Infinity, end }));
  return parts.map(({ start, end }) => {
    const span = new Span(rulesOf(one));
    for (const instant of instantsOf(one)) if (instant.at >= start && instant.at < end) span.add(instant);
    return spanOf(structuredClone(stateOf(span)));
  });
}

const joined = (...spans: Span[]) =>
  spans.reduce((whole, span) => {
    const both = spanOf(stateOf(whole));
    both.append(stateOf(span));
    return both;
  });

/** A span without internal order: maps and sets are sorted. */
function comparable(span: Span): unknown {
  const { cells, epochs, firsts, first, ...rest } = stateOf(span);
  const text = (value: unknown) =>
    JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item));
  const sorted = (values: readonly unknown[]) => values.map(text).sort();
  return {
    ...rest,
    first: first?.at,
    epochs: sorted(epochs),
    firsts: sorted(firsts),
    cells: sorted(
      cells.map(([group, cell]) => [
        group,
        { ...cell, epochs: sorted(cell.epochs), weights: sorted(cell.weights) },
      ]),
    ),
  };
}

const edgesOf = fc
  .uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 5 })
  .map((edges) => edges.sort((a, b) => a - b));

it('a span is the same whether it was built from instants or from the spans of its parts, in any order', () => {
  fc.assert(
    fc.property(history, edgesOf, (one, edges) => {
      const [whole] = spansOf(one, []) as [Span];
      const parts = spansOf(one, edges);
      expect(comparable(joined(...parts))).toEqual(comparable(whole));
      // From the end: the last two, then the one before them.
      const fromTheEnd = parts.reduceRight((later, earlier) => joined(earlier, later));
      expect(comparable(fromTheEnd)).toEqual(comparable(whole));
    }),
    { numRuns: histories },
  );
});

it('figures from spans equal those from readings', () => {
  fc.assert(
    fc.property(history, edgesOf, (one, edges) => {
      const periods = periodsOf(
        { start: BigInt(one.start), end: BigInt(one.end) },
        { length: BigInt(one.period) },
      );
      const ofReadings = figuresBy(one, periods, (series) =>
        readingsOf(one).forEach((reading) => series.add(reading)),
      );
      const ofPeriods = periods.flatMap(({ start, end }) => [Number(start), Number(end)]);
      const all = [...new Set([...edges, ...ofPeriods])].sort((a, b) => a - b);
      const ofSpans = figuresBy(one, periods, (series) =>
        spansOf(one, all).forEach((span) => series.append(stateOf(span))),
      );
      expect(ofSpans).toEqual(ofReadings);
    }),
    { numRuns: histories },
  );
});

function figuresBy(one: History, periods: readonly Period[], fill: (series: Series) => void) {
  const cells = new Map<string, Cell>();
  const cell = (key: string) => {
    const found = cells.get(key) ?? new Cell(true);
    cells.set(key, found);
    return found;
  };
  const series = new Series('a series', rulesOf(one), periods, {
    at: (period, group) => cell(`${period} ${group}`),
    whole: (group) => cell(`whole ${group}`),
  });
  fill(series);
  series.finish();
  return [...cells.keys()].sort().map((key) => {
    const { weights, epochs, series: names, covered, bridged, missing, ...rest } = cell(key);
    return {
      ...{ key, ...rest, weights: [...(weights ?? [])].sort(), epochs: [...epochs].sort(), names: [...names] },
      ...{ covered: [...covered], bridged: [...bridged], missing: [...missing] },
    };
  });
}

it('a series refuses readings out of order, and a span that crosses the boundary of a period', () => {
  const cells = { at: () => new Cell(false), whole: () => new Cell(false) };
  const periods = periodsOf({ start: 0n, end: 20n }, { length: 10n });
  const rules = { type: 'cumulative' as const, usual: 5n };
  const reading = (at: bigint): Reading => ({
    ...{ at, volume: parseDecimal('1'), epoch: 'a', group: 'p', id: `${at}` },
  });
  const series = new Series('a series', rules, periods, cells);
  series.add(reading(5n));
  expect(() => series.add(reading(4n))).toThrow(expect.objectContaining({ code: 'READINGS_UNORDERED' }));
  const span = new Span(rules);
  span.add(instantOf('cumulative', [reading(8n)]));
  span.add(instantOf('cumulative', [reading(12n)]));
  expect(() => series.append(stateOf(span))).toThrow(expect.objectContaining({ code: 'READINGS_UNORDERED' }));
});
