import { NephoscopeError } from '@nephoscope/core';

import { between, holding, useSince } from './between.js';
import type { Rules, Sink } from './between.js';
import type { Cell } from './cell.js';
import { floorQuotient } from './decimal.js';
import type { Decimal } from './decimal.js';
import { instantOf } from './instant.js';
import type { Reading } from './instant.js';
import type { Interval } from './interval-set.js';
import { firstEnding, periodAt } from './periods.js';
import type { Period } from './periods.js';
import { Span } from './span.js';
import type { SpanState } from './span-state.js';

/** The cells for the figures of a range. */
export interface Cells {
  /** For one period and group. */
  at(period: number, group: string): Cell;
  /** For the whole range. */
  whole(group: string): Cell;
}

/**
 * Computes the figures of one series in each period of a range. It needs the readings from the first one ever to the first instant
 * after the range, in order, or spans made of them, and keeps only the last volumes and one span.
 */
export class Series {
  readonly #rules: Rules;
  readonly #periods: readonly Period[];
  readonly #range: Interval;
  readonly #cells: Cells;
  readonly #name: string;
  /** The unique names of its epochs among those of other series. */
  readonly #runs = new Map<string, string>();
  #instant: Reading[] = [];
  /** The span of the period `#period`, which is -1 before the first one, and the number of periods after the last. */
  #span: Span;
  #period = -1;
  /** The state before the span. */
  #tail: { at: bigint; readings: readonly Reading[]; readonly epochs: Map<string | null, Decimal> } | undefined;

  /** @param name distinguishes it, and its epochs, from other series */
  constructor(name: string, rules: Rules, periods: readonly Period[], cells: Cells) {
    this.#rules = rules;
    this.#periods = periods;
    this.#range = { start: periods[0]?.start ?? 0n, end: periods.at(-1)?.end ?? 0n };
    this.#cells = cells;
    this.#name = name;
    this.#span = new Span(rules);
  }

  /** The time of its latest reading. */
  get latest(): bigint | undefined {
    return this.#instant[0]?.at ?? this.#span.tail?.at ?? this.#tail?.at;
  }

  /** @throws READINGS_UNORDERED if it is earlier than the reading before */
  add(reading: Reading): void {
    const at = this.#instant[0]?.at;
    if (at === undefined || reading.at === at) {
      this.#instant.push(reading);
      return;
    }
    if (reading.at < at) throw unordered(reading.at, at);
    this.#endInstant();
    this.#instant.push(reading);
  }

  /**
   * Adds a span that is within one period, or outside the range, and later than everything added before.
   *
   * @param groupOf as for {@link Span.append}
   */
  append(span: SpanState, groupOf?: (group: string) => string | null): void {
    this.#endInstant();
    const { first, last } = span;
    if (first === undefined || last === undefined) return;
    const latest = this.latest;
    if (latest !== undefined && first.at <= latest) throw unordered(first.at, latest);
    this.#enter(first.at);
    if (this.#periodOf(last.at) !== this.#period)
      throw new NephoscopeError('READINGS_UNORDERED', 'a span of readings reaches over the edge of a period');
    this.#span.append(span, groupOf);
  }

  /** Adds what is still pending; nothing can be added afterwards. */
  finish(): void {
    this.#endInstant();
    this.#settle();
    if (this.#tail !== undefined && this.#rules.type === 'gauge')
      holding(this.#tail, undefined, this.#rules, this.#sink);
  }

  #endInstant(): void {
    const readings = this.#instant;
    const [first] = readings;
    if (first === undefined) return;
    this.#instant = [];
    this.#enter(first.at);
    this.#span.add(instantOf(this.#rules.type, readings));
  }

  #enter(at: bigint): void {
    const period = this.#periodOf(at);
    if (period === this.#period) return;
    this.#settle();
    this.#period = period;
  }

  #periodOf(at: bigint): number {
    const here = this.#periods[this.#period];
    if (here !== undefined && at >= here.start && at < here.end) return this.#period;
    return periodAt(this.#periods, at);
  }

  /** Adds the completed span to the figures, with what lies between it and the one before. */
  #settle(): void {
    const span = this.#span;
    const { first, tail } = span;
    if (first === undefined || tail === undefined) return;
    this.#span = new Span(this.#rules);
    const before = this.#tail;
    if (before === undefined) this.#open(first.readings, first.at);
    else between(before, first, this.#rules, this.#sink);
    for (const { reading, start } of span.firsts)
      this.#sink.use(reading, start, before?.epochs.get(reading.epoch));
    if (this.#periods[this.#period] !== undefined)
      for (const [group, cell] of span.cells)
        for (const into of [this.#cells.at(this.#period, group), this.#cells.whole(group)])
          into.of(this.#name).absorb(cell, this.#run);
    this.#tail = {
      at: tail.at,
      readings: tail.readings,
      epochs: before?.epochs ?? new Map<string | null, Decimal>(),
    };
    for (const [epoch, volume] of tail.epochs) this.#tail.epochs.set(epoch, volume);
  }

  /** The same text object for all cells. */
  readonly #run = (epoch: string): string => {
    let run = this.#runs.get(epoch);
    if (run === undefined) this.#runs.set(epoch, (run = `${this.#name}\0${epoch}`));
    return run;
  };

  #open(readings: readonly Reading[], at: bigint): void {
    if (this.#rules.type !== 'cumulative') return;
    this.#in(at, at + 1n, (part, cellOf) => {
      for (const { group, volume } of readings) if (group !== null) cellOf(group).open(volume);
    });
  }

  readonly #sink: Sink = {
    use: ({ group, at, volume }, start, before) => {
      if (group === null) return;
      const { amount, fell } = useSince(before, volume);
      this.#in(start, at, (part, cellOf) => {
        const whole = part.start === start && part.end === at;
        cellOf(group).use(whole ? amount : shareOf(amount, { start, end: at }, part), !whole);
      });
      if (fell) this.#in(at, at + 1n, (part, cellOf) => (cellOf(group).falls += 1));
    },
    held: (group, start, end, value) =>
      this.#in(start, end, (part, cellOf) => cellOf(group).hold(value, part.end - part.start)),
    covered: (group, start, end, quality) =>
      this.#in(start, end, (part, cellOf) => cellOf(group).cover(part.start, part.end, quality)),
  };

  /** Calls `put` with each part of an interval that is within a period, and with the part that is within the range. */
  #in(start: bigint, end: bigint, put: (part: Interval, cellOf: (group: string) => Cell) => void): void {
    const inRange = overlap(this.#range, start, end);
    if (inRange === undefined) return;
    put(inRange, (group) => this.#cells.whole(group).of(this.#name));
    for (let index = firstEnding(this.#periods, inRange.start); index < this.#periods.length; index += 1) {
      const part = overlap(this.#periods[index] as Period, start, end);
      if (part === undefined) break;
      put(part, (group) => this.#cells.at(index, group).of(this.#name));
    }
  }
}

/**
 * The share of an amount used during `over` that belongs to a part of that time: the use until the end of the part minus the use
 * until its start, each rounded down to the last digit of the amount. The shares of adjacent parts therefore always add up to the
 * share of the whole, however it is divided.
 */
export function shareOf({ digits, scale }: Decimal, over: Interval, part: Interval): Decimal {
  const length = over.end - over.start;
  const until = (time: bigint) => floorQuotient(digits * (time - over.start), length);
  return { digits: until(part.end) - until(part.start), scale };
}

function overlap(interval: Interval, start: bigint, end: bigint): Interval | undefined {
  const from = start > interval.start ? start : interval.start;
  const to = end < interval.end ? end : interval.end;
  return from < to ? { start: from, end: to } : undefined;
}

function unordered(at: bigint, before: bigint): NephoscopeError {
  return new NephoscopeError(
    'READINGS_UNORDERED',
    `readings of a series are added in the order of time; ${at} came after ${before}`,
  );
}
