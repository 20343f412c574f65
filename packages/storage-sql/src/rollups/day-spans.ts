import type { CounterType } from '@nephoscope/core';
import { volumeProblem } from '@nephoscope/message';
import {
  Span,
  appendSpans,
  decodeSpans,
  encodeSpans,
  instantOf,
  lastNumber,
  parseDecimal,
  rolledRules,
  stateOf,
} from '@nephoscope/statistics';
import type { NumberedSpan, Reading, SpanState } from '@nephoscope/statistics';

import { dayLength, hourLength } from './hours.js';

/** What the roller reads of a sample. */
export interface RolledSample {
  readonly timestamp: bigint;
  readonly volume: string;
  readonly epoch: string | null;
  readonly group: string;
  /** The message id; asked for where several samples have one time. */
  id(): string;
}

/** As stored. */
export interface DayRow {
  readonly hours: Uint8Array;
  readonly whole: Uint8Array;
}

/** An hour with a volume that is no decimal of a size that figures can be made of: it is read from its samples. */
const unrolled = (type: CounterType): SpanState => stateOf(new Span(rolledRules(type)));

export function isUnrolled({ first }: SpanState): boolean {
  return first === undefined;
}

/** Makes the spans of the hours of one day of one series, from its samples in the order of time. */
export class DayBuilder {
  readonly #type: CounterType;
  readonly #start: bigint;
  readonly #hours = new Map<number, Span | undefined>();
  #instant: RolledSample[] = [];

  constructor(type: CounterType, day: bigint) {
    this.#type = type;
    this.#start = day * dayLength;
  }

  get size(): number {
    return this.#hours.size;
  }

  add(sample: RolledSample): void {
    if (this.#instant[0] !== undefined && this.#instant[0].timestamp !== sample.timestamp) this.#endInstant();
    this.#instant.push(sample);
  }

  /** The hours that had samples. */
  finish(): NumberedSpan[] {
    this.#endInstant();
    return Array.from(this.#hours, ([number, span]) => ({
      number,
      span: span === undefined ? unrolled(this.#type) : stateOf(span),
    }));
  }

  #endInstant(): void {
    const samples = this.#instant;
    const [first] = samples;
    if (first === undefined) return;
    this.#instant = [];
    const number = Number((first.timestamp - this.#start) / hourLength);
    if (!this.#hours.has(number)) this.#hours.set(number, new Span(rolledRules(this.#type)));
    const readings = samples.map((sample) => readingOf(sample, samples.length > 1));
    if (readings.every((reading) => reading !== undefined))
      this.#hours.get(number)?.add(instantOf(this.#type, readings));
    else this.#hours.set(number, undefined);
  }
}

function readingOf(
  { timestamp, volume, epoch, group, id }: RolledSample,
  isOneOfSeveral: boolean,
): Reading | undefined {
  if (volumeProblem(volume) !== undefined) return undefined;
  return { at: timestamp, volume: parseDecimal(volume), epoch, group, id: isOneOfSeveral ? id() : '' };
}

/** The hours of a day with some of them replaced: those for which `isReplaced` holds, by `made`. */
export function withHours(
  row: DayRow | undefined,
  made: readonly NumberedSpan[],
  isReplaced: (hour: number) => boolean,
  type: CounterType,
  day: bigint,
): DayRow {
  const origin = day * dayLength;
  const encoded = (span: SpanState | undefined) =>
    encodeSpans(span === undefined ? [] : [{ number: 0, span }], origin);
  if (row !== undefined && follows(row, made, isReplaced)) {
    const [before] = decodeSpans(row.whole, type, origin);
    const whole = before === undefined ? undefined : joined([before, ...made], type);
    return { hours: appendSpans(row.hours, made, origin), whole: encoded(whole) };
  }
  const kept = row === undefined ? [] : decodeSpans(row.hours, type, origin);
  const left = kept.filter(({ number }) => !isReplaced(number));
  const all = [...left, ...made].sort((one, other) => one.number - other.number);
  return { hours: encodeSpans(all, origin), whole: encoded(joined(all, type)) };
}

/** Whether the hours come after those that are there, of which none is replaced, as nearly always. */
function follows(row: DayRow, made: readonly NumberedSpan[], isReplaced: (hour: number) => boolean): boolean {
  const last = lastNumber(row.hours);
  for (let hour = 0; hour <= last; hour += 1) if (isReplaced(hour)) return false;
  return last >= 0 && last < (made[0]?.number ?? 0);
}

/** Undefined where one of them is not rolled. */
function joined(spans: readonly NumberedSpan[], type: CounterType): SpanState | undefined {
  if (spans.length === 0 || spans.some(({ span }) => isUnrolled(span))) return undefined;
  const whole = new Span(rolledRules(type));
  for (const { span } of spans) whole.append(span);
  return stateOf(whole);
}
