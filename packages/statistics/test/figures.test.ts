import fc from 'fast-check';

import { formatDecimal, parseDecimal } from '../src/decimal.js';
import type { Figure } from '../src/figure.js';
import type { FigureFunction } from '../src/functions.js';
import { Statistics } from '../src/statistics.js';
import type { StatisticsQuery } from '../src/statistics.js';
import { histories, history, inTime, sampleOf } from './histories.js';
import type { History } from './histories.js';
import { oracleFigure } from './oracle.js';
import type { OracleReading } from './oracle.js';

const functions: Readonly<Record<string, readonly FigureFunction[]>> = {
  cumulative: ['use'],
  gauge: ['amount', 'average', 'min', 'max', 'p50'],
  delta: ['sum'],
};

function queryOf({ rules, start, end, period }: History): StatisticsQuery {
  return {
    ...{ start: BigInt(start), end: BigInt(end), period: { length: BigInt(period) } },
    ...{ groupBy: ['project'], functions: functions[rules.type] },
    ...{ usual: BigInt(rules.usual), hold: rules.hold === undefined ? undefined : BigInt(rules.hold) },
  };
}

function figuresOf(of: History, readings: readonly OracleReading[] = inTime(of.readings), exponent = -2) {
  const statistics = new Statistics(queryOf(of));
  for (const reading of readings) statistics.add(sampleOf(reading, of.rules.type, exponent));
  return statistics.finish();
}

/** Hundredths as decimal text. */
const text = (hundredths: number | undefined) =>
  hundredths === undefined ? null : formatDecimal(parseDecimal(`${hundredths}e-2`));
const seconds = (ticks: number) => formatDecimal(parseDecimal(`${ticks}e-9`));
const fractionOf = (figure: Figure) => figure.fraction ?? figure.value;

/** The oracle's value under a function, times `scale` for a quotient. */
function expected(name: string, oracle: ReturnType<typeof oracleFigure>) {
  const sorted = (values: number[]) => [...values].sort((one, other) => one - other);
  const values = sorted(oracle.values);
  switch (name) {
    case 'use':
    case 'sum':
      return text(oracle.sum);
    case 'min':
      return text(values[0]);
    case 'max':
      return text(values.at(-1));
    case 'p50':
      return text(sorted(oracle.heldValues)[Math.ceil(oracle.heldValues.length / 2) - 1]);
    default:
      return undefined;
  }
}

const numberOf = (figure: Figure) => {
  const [numerator, denominator = '1'] = (fractionOf(figure) ?? '').split('/');
  return Number(numerator) / Number(denominator);
};

it('equal those of an oracle that evaluates each tick of time', () => {
  fc.assert(
    fc.property(history, (one) => {
      const { figures } = figuresOf(one);
      for (const figure of figures) {
        const oracle = oracleFigure(
          one.readings,
          one.rules,
          figure.group.project as string,
          Number(figure.start),
          Number(figure.end),
        );
        expect({
          ...{ samples: figure.samples, opening: figure.opening, apportioned: figure.apportioned },
          ...{
            epochs: figure.epochs,
            value: expected(figure.function, oracle) === undefined ? undefined : figure.value,
          },
          measured: figure.coverage.measured,
          bridged: figure.coverage.bridged,
          missing: figure.coverage.missing,
        }).toEqual({
          ...{ samples: oracle.samples, opening: text(oracle.opening), apportioned: text(oracle.apportioned) },
          ...{ epochs: oracle.epochs, value: expected(figure.function, oracle) },
          measured: seconds(oracle.measured),
          bridged: seconds(oracle.bridged),
          missing: seconds(oracle.missing),
        });
        if (figure.function === 'amount' || figure.function === 'average') {
          if (oracle.held === 0) expect(figure.value).toBeNull();
          else {
            const per = figure.function === 'amount' ? 3.6e12 : oracle.held;
            expect(numberOf(figure)).toBeCloseTo(oracle.amount / 100 / per, 12);
          }
        }
      }
    }),
    { numRuns: histories },
  );
});

it('do not depend on the order or repetition of samples with the same time', () => {
  fc.assert(
    fc.property(history, fc.infiniteStream(fc.nat()), (one, random) => {
      const key = () => random.next().value as number;
      const repeated = one.readings.flatMap((reading) => (key() % 3 === 0 ? [reading, reading] : [reading]));
      const shuffled = repeated.map((reading) => ({ reading, at: key() })).sort((a, b) => a.at - b.at);
      expect(figuresOf(one, inTime(shuffled.map(({ reading }) => reading)))).toEqual(figuresOf(one));
    }),
    { numRuns: histories },
  );
});

it('of parts add up to the figure of the whole, and to the total', () => {
  fc.assert(
    fc.property(
      history,
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom(-2, 30, -30),
      (one, period, exponent) => {
        const { figures, totals } = figuresOf(one, undefined, exponent);
        const otherwise = figuresOf({ ...one, period }, undefined, exponent);
        const whole = figuresOf({ ...one, period: 1_000 }, undefined, exponent);
        for (const name of new Set(figures.map((figure) => figure.function))) {
          if (!['use', 'sum', 'amount'].includes(name)) continue;
          const sum = (all: readonly Figure[], project?: string) =>
            all
              .filter((figure) => figure.function === name && [undefined, figure.group.project].includes(project))
              .reduce((total, figure) => plus(total, fractionOf(figure)), '0/1');
          for (const project of ['p', 'q']) {
            expect(sum(figures, project)).toBe(sum(whole.figures, project));
            expect(sum(otherwise.figures, project)).toBe(sum(whole.figures, project));
          }
          expect(sum(figures)).toBe(sum(totals));
        }
      },
    ),
    { numRuns: histories },
  );
});

it('of the hours, days, weeks and months in any zone add up to the figure of the range', () => {
  const second = 1_000_000_000n;
  const from = BigInt(Date.UTC(2026, 9, 20) / 1000);
  const days = 20 * 86_400;
  fc.assert(
    fc.property(
      fc.constantFrom(...Intl.supportedValuesOf('timeZone')),
      fc.constantFrom(...(['hour', 'day', 'week', 'month'] as const)),
      history,
      (zone, calendar, { readings, rules: { type } }) => {
        const range = { start: from * second, end: (from + BigInt(days)) * second };
        const by = (period: StatisticsQuery['period']) => {
          const statistics = new Statistics({ ...range, period });
          for (const reading of inTime(readings)) {
            // From two days before the range until two days after it.
            const seconds = BigInt(Math.floor((reading.time * (days + 4 * 86_400)) / 40) - 2 * 86_400);
            statistics.add({ ...sampleOf(reading, type), timestamp: (from + seconds) * second });
          }
          return statistics.finish().figures.reduce((total, figure) => plus(total, fractionOf(figure)), '0/1');
        };
        expect(by({ calendar, zone })).toBe(by(undefined));
      },
    ),
    { numRuns: histories },
  );
});

it('keep every digit of 10^30 and of 10^-30', () => {
  fc.assert(
    fc.property(history, fc.constantFrom(30, -30), (one, exponent) => {
      const plain = figuresOf(one);
      const scaled = figuresOf(one, undefined, exponent - 2);
      // Whole numbers are apportioned in whole units, others in units of their last digit.
      const exact = (figure: Figure) =>
        one.rules.type !== 'cumulative' || (figure.apportioned === '0' && figure.value !== null);
      plain.totals.forEach((figure, at) => {
        const other = scaled.totals[at] as Figure;
        if (exact(figure) && exact(other))
          expect(plus('0', fractionOf(other))).toBe(plus('0', fractionOf(figure), exponent));
      });
    }),
    { numRuns: histories },
  );
});

/** The sum of two fractions or decimals, the second one times a power of ten, in lowest terms. */
function plus(one: string, other: string | null, exponent = 0): string {
  const read = (given: string) => {
    const [numerator = '0', denominator = '1'] = given.split('/');
    const { digits, scale } = parseDecimal(numerator);
    return [digits, BigInt(denominator) * 10n ** BigInt(scale)] as const;
  };
  const [[a, b], [c, d]] = [read(one), read(other ?? '0')];
  const [up, down] = exponent < 0 ? [1n, 10n ** BigInt(-exponent)] : [10n ** BigInt(exponent), 1n];
  const [numerator, denominator] = [a * d * down + c * b * up, b * d * down];
  const common = (x: bigint, y: bigint): bigint => (y === 0n ? x : common(y, x % y));
  const size = common(numerator < 0n ? -numerator : numerator, denominator);
  return `${numerator / size}/${denominator / size}`;
}
