import type { CounterType } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';
import fc from 'fast-check';

import type { OracleReading, OracleRules } from './oracle.js';

export interface History {
  readonly rules: OracleRules;
  readonly readings: readonly OracleReading[];
  readonly start: number;
  readonly end: number;
  readonly period: number;
}

const types: readonly CounterType[] = ['cumulative', 'gauge', 'delta'];

/** `NEPHOSCOPE_HISTORIES=10000` runs more histories than `npm test` has time for. */
export const histories = Number(process.env['NEPHOSCOPE_HISTORIES'] ?? 60);

/**
 * Readings of up to three series in 40 ticks: runs that end, return and mix, counts that fall, several readings at one time,
 * integers and fractions, resources that move between two groups, and outages.
 */
export const history: fc.Arbitrary<History> = fc
  .record({
    type: fc.constantFrom(...types),
    usual: fc.integer({ min: 1, max: 10 }),
    hold: fc.option(fc.integer({ min: 1, max: 15 }), { nil: undefined }),
    series: fc.array(
      fc.array(
        fc.record({
          time: fc.integer({ min: 0, max: 40 }),
          volume: fc.oneof(
            fc.nat(9).map((whole) => whole * 100),
            fc.nat(99).map((tenths) => tenths * 10),
            fc.nat(999),
          ),
          epoch: fc.constantFrom('a', 'b', null),
          group: fc.constantFrom('p', 'q'),
        }),
        { maxLength: 12 },
      ),
      { minLength: 1, maxLength: 3 },
    ),
    start: fc.integer({ min: 0, max: 20 }),
    length: fc.integer({ min: 1, max: 25 }),
    period: fc.integer({ min: 1, max: 12 }),
  })
  .map(({ type, usual, hold, series, start, length, period }) => ({
    rules: { type, usual, hold },
    readings: unique(
      series.flatMap((readings, at) => readings.map((reading) => ({ ...reading, series: `series-${at}` }))),
    ),
    ...{ start, end: start + length, period },
  }));

/** Without exact repetitions, which would be the same sample twice. */
function unique(readings: readonly OracleReading[]): OracleReading[] {
  return [...new Map(readings.map((reading) => [JSON.stringify(reading), reading])).values()];
}

/** @param factor the power of ten that a unit of 10^-2 has in the sample's volume */
export function sampleOf(reading: OracleReading, type: CounterType, exponent = -2): Sample {
  return {
    messageId: JSON.stringify(reading),
    source: 'openstack',
    meter: 'a meter',
    type,
    unit: 'B',
    volume: `${reading.volume}e${exponent}`,
    userId: null,
    projectId: reading.group,
    resourceId: reading.series,
    timestamp: BigInt(reading.time),
    publisherId: null,
    sequence: null,
    epoch: reading.epoch,
    text: '{}',
  };
}

export function inTime<T extends { readonly time: number }>(readings: readonly T[]): T[] {
  return [...readings].sort((one, other) => one.time - other.time);
}
