import type { CounterType } from '@nephoscope/core';

import { compare } from './decimal.js';
import type { Decimal } from './decimal.js';

/** One sample as figures are made of it. */
export interface Reading {
  /** ns since 1970 UTC. */
  readonly at: bigint;
  readonly volume: Decimal;
  readonly epoch: string | null;
  /** What its part of a figure belongs to; null where it belongs to none that is asked for. */
  readonly group: string | null;
  /** Tells it from others of its instant: one that comes twice counts once. */
  readonly id: string;
}

/** All readings of one series at one time. */
export interface Instant {
  readonly at: bigint;
  /** Those that count: of a cumulative meter one for each epoch, of a gauge one, of a delta all. */
  readonly readings: readonly Reading[];
  /** How many there were of each group. */
  readonly samples: ReadonlyMap<string, number>;
}

/**
 * The readings of one time, whatever the order and repetition that they came in. Of several readings of one epoch, and of
 * several of a gauge, the greatest counts.
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

/** Greatest first; equal ones by their texts, so that it never depends on which came first. */
function inOrder(one: Reading, other: Reading): number {
  return (
    compare(other.volume, one.volume) ||
    byText(one.epoch, other.epoch) ||
    byText(one.group, other.group) ||
    byText(one.id, other.id)
  );
}

function byText(one: string | null, other: string | null): number {
  if (one === other) return 0;
  if (one === null || other === null) return one === null ? 1 : -1;
  return one < other ? -1 : 1;
}
