import type { CounterType } from '@nephoscope/core';

import { compare } from './decimal.js';
import type { Decimal } from './decimal.js';

/** One sample in the form needed for figures. */
export interface Reading {
  /** ns since 1970 UTC. */
  readonly at: bigint;
  readonly volume: Decimal;
  readonly epoch: string | null;
  /** The group of its figure; null if it is in none of the requested ones. */
  readonly group: string | null;
  /** Identifies it among others with the same time: a repetition counts once. */
  readonly id: string;
}

/** All readings of one series at one time. */
export interface Instant {
  readonly at: bigint;
  /** The readings that count: for a cumulative meter one for each epoch, for a gauge one, for a delta all. */
  readonly readings: readonly Reading[];
  /** The number of samples of each group. */
  readonly samples: ReadonlyMap<string, number>;
}

/**
 * The readings with one time, in any order and with repetitions. If there are several of one epoch, or several of a gauge, the
 * greatest counts; of equal ones the one with the least id, whatever they are grouped by.
 */
export function instantOf(type: CounterType, readings: readonly Reading[]): Instant {
  const [first] = readings as readonly [Reading, ...Reading[]];
  const { at } = first;
  if (readings.length === 1)
    return { at, readings, samples: first.group === null ? none : new Map([[first.group, 1]]) };
  const byId = [...new Map(readings.map((reading) => [reading.id, reading])).values()].sort(inOrder);
  const samples = new Map<string, number>();
  for (const { group } of byId) if (group !== null) samples.set(group, (samples.get(group) ?? 0) + 1);
  return { at, samples, readings: type === 'delta' ? byId : greatestOfEach(type, byId) };
}

const none: ReadonlyMap<string, number> = new Map();

function greatestOfEach(type: CounterType, sorted: readonly Reading[]): Reading[] {
  const found = new Map<string | null, Reading>();
  for (const reading of sorted) {
    const epoch = type === 'gauge' ? null : reading.epoch;
    if (!found.has(epoch)) found.set(epoch, reading);
  }
  return [...found.values()];
}

/** Greatest first; equal ones by their text, so that the result does not depend on the order of arrival. */
function inOrder(one: Reading, other: Reading): number {
  return compare(other.volume, one.volume) || byText(one.epoch, other.epoch) || byText(one.id, other.id);
}

function byText(one: string | null, other: string | null): number {
  if (one === other) return 0;
  if (one === null || other === null) return one === null ? 1 : -1;
  return one < other ? -1 : 1;
}
