import type { CounterType } from '@nephoscope/core';

import type { Quality, ValueAt } from './cell.js';
import { compare, subtract } from './decimal.js';
import type { Decimal } from './decimal.js';
import type { Instant, Reading } from './instant.js';

/** What figures of a series depend on, beside its readings. Times in ns. */
export interface Rules {
  readonly type: CounterType;
  /** Readings that are further apart leave the time between them bridged. */
  readonly usual: bigint;
  /** How long a reading of a gauge holds at most; undefined: until the next one. */
  readonly hold?: bigint | undefined;
  /** Whether percentiles are wanted. */
  readonly distribution?: boolean | undefined;
}

/** Where a series stands after its last reading so far. */
export interface Tail {
  readonly at: bigint;
  /** The last volume of each epoch of a cumulative meter. */
  readonly epochs: ReadonlyMap<string | null, Decimal>;
  /** The readings at `at`. */
  readonly readings: readonly Reading[];
}

/** Takes what lies between two instants. Groups of null are left out before. */
export interface Sink {
  /** The use that `reading` reports: since the last one of its epoch, or the first of an epoch that has none before. */
  use(reading: Reading, start: bigint, before: Decimal | undefined): void;
  held(group: string, start: bigint, end: bigint, value: ValueAt): void;
  covered(group: string, start: bigint, end: bigint, quality: Quality): void;
}

/** Tells `sink` what an instant says of the time since the tail. */
export function between(tail: Tail, instant: Instant, rules: Rules, sink: Sink): void {
  const quality = instant.at - tail.at > rules.usual ? 'bridged' : 'measured';
  if (rules.type === 'gauge') return holding(tail, instant.at, rules, sink);
  for (const reading of instant.readings) {
    if (reading.group !== null) sink.covered(reading.group, tail.at, instant.at, quality);
    if (rules.type === 'cumulative') sink.use(reading, tail.at, tail.epochs.get(reading.epoch));
  }
}

/** A gauge holds from its reading to the next one, or for `hold`. `next` is undefined after the last one. */
export function holding(tail: Tail, next: bigint | undefined, { usual, hold }: Rules, sink: Sink): void {
  const limit = hold === undefined ? next : tail.at + hold;
  if (limit === undefined) return;
  const end = next === undefined || limit < next ? limit : next;
  for (const { group, at, volume } of tail.readings) {
    if (group === null) continue;
    sink.held(group, at, end, { at, volume });
    sink.covered(group, at, end, end - at > usual ? 'bridged' : 'measured');
    if (next !== undefined) sink.covered(group, end, next, 'missing');
  }
}

/** A count that fell has begun anew, from 0. */
export function useSince(before: Decimal | undefined, volume: Decimal): { amount: Decimal; fell: boolean } {
  if (before === undefined) return { amount: volume, fell: false };
  if (compare(volume, before) < 0) return { amount: volume, fell: true };
  return { amount: subtract(volume, before), fell: false };
}
