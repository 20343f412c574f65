import type { CounterType } from '@nephoscope/core';

import type { Quality, ValueAt } from './cell.js';
import { compare, subtract } from './decimal.js';
import type { Decimal } from './decimal.js';
import type { Instant, Reading } from './instant.js';

/** The settings that figures of a series depend on. Times in ns. */
export interface Rules {
  readonly type: CounterType;
  /** The time between readings that are further apart is bridged. */
  readonly usual: bigint;
  /** The maximum time that a gauge's reading holds; undefined: until the next one. */
  readonly hold?: bigint | undefined;
  /** Whether percentiles are requested. */
  readonly distribution?: boolean | undefined;
}

/** The state of a series after its latest reading. */
export interface Tail {
  readonly at: bigint;
  /** The last volume of each epoch of a cumulative meter. */
  readonly epochs: ReadonlyMap<string | null, Decimal>;
  /** The readings at `at`. */
  readonly readings: readonly Reading[];
}

/** Receives what lies between two instants, except for groups that are null. */
export interface Sink {
  /** The use that `reading` reports: since the previous one of its epoch, or the first of an epoch without an earlier one. */
  use(reading: Reading, start: bigint, before: Decimal | undefined): void;
  held(group: string, start: bigint, end: bigint, value: ValueAt): void;
  covered(group: string, start: bigint, end: bigint, quality: Quality): void;
}

/** Passes to `sink` what an instant says about the time since the tail. */
export function between(tail: Tail, instant: Instant, rules: Rules, sink: Sink): void {
  const quality = instant.at - tail.at > rules.usual ? 'bridged' : 'measured';
  if (rules.type === 'gauge') return holding(tail, instant.at, rules, sink);
  for (const reading of instant.readings) {
    if (reading.group !== null) sink.covered(reading.group, tail.at, instant.at, quality);
    if (rules.type === 'cumulative') sink.use(reading, tail.at, tail.epochs.get(reading.epoch));
  }
}

/** A gauge's reading holds until the next one, or for `hold`. `next` is undefined after the last one. */
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

/** A count that fell has started again from 0. */
export function useSince(before: Decimal | undefined, volume: Decimal): { amount: Decimal; fell: boolean } {
  if (before === undefined) return { amount: volume, fell: false };
  if (compare(volume, before) < 0) return { amount: volume, fell: true };
  return { amount: subtract(volume, before), fell: false };
}
