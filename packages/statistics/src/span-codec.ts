import { NephoscopeError } from '@nephoscope/core';
import type { CounterType } from '@nephoscope/core';

import { ByteReader, ByteWriter } from './bytes.js';
import type { Decimal } from './decimal.js';
import type { Reading } from './instant.js';
import type { Interval } from './interval-set.js';
import { lastOf, plainOf, plainSpan } from './plain-span.js';
import { rolledRules } from './rolled-rules.js';
import type { CellState, SpanState } from './span-state.js';

/** A span, and the number of its hour or day in what it is stored with. */
export interface NumberedSpan {
  readonly number: number;
  readonly span: SpanState;
}

/** Another form needs another number; the old one must still be read. */
const version = 1;

/**
 * Spans of one series as bytes, exactly, without the ids of readings. Times are relative to `origin`, a time (ns) before all of
 * them. A span of one group, one run and no wide gap, which nearly all are, takes about 30 bytes: what follows from its
 * first and last reading is left out.
 */
export function encodeSpans(spans: readonly NumberedSpan[], origin: bigint): Uint8Array<ArrayBuffer> {
  return withSpans({ texts: [], count: 0, body: new Uint8Array() }, spans, origin);
}

/**
 * The bytes with more spans after those that are there, whose numbers are lower. These are neither read nor written again.
 *
 * @throws ROLLUP_DAMAGED
 */
export function appendSpans(
  bytes: Uint8Array,
  spans: readonly NumberedSpan[],
  origin: bigint,
): Uint8Array<ArrayBuffer> {
  return withSpans(readable(bytes, headOf), spans, origin);
}

/** The number of the last span; -1 for none. @throws ROLLUP_DAMAGED */
export function lastNumber(bytes: Uint8Array): number {
  return readable(bytes, headOf).last;
}

/** @throws ROLLUP_DAMAGED for bytes that no {@link encodeSpans} wrote */
export function decodeSpans(bytes: Uint8Array, type: CounterType, origin: bigint): NumberedSpan[] {
  return readable(bytes, (reader) => {
    const { texts, count } = headOf(reader);
    const decoder = new Decoder(reader, texts, origin, type);
    const spans: NumberedSpan[] = [];
    while (spans.length < count) spans.push({ number: reader.count(), span: decoder.span() });
    return spans;
  });
}

function withSpans(
  { texts, count, body, last = -1 }: Pick<Head, 'texts' | 'count' | 'body'> & { readonly last?: number },
  spans: readonly NumberedSpan[],
  origin: bigint,
): Uint8Array<ArrayBuffer> {
  const numbers = new Map(texts.map((text, at) => [text, at]));
  const more = new ByteWriter();
  const encoder = new Encoder(more, numbers, origin);
  for (const { number, span } of spans) {
    more.count(number);
    encoder.span(span);
  }
  const whole = new ByteWriter();
  whole.byte(version);
  whole.count((spans.at(-1)?.number ?? last) + 1);
  whole.count(numbers.size);
  for (const text of numbers.keys()) whole.text(text);
  whole.count(count + spans.length);
  whole.append(body);
  whole.append(more.done());
  return whole.done();
}

interface Head {
  readonly last: number;
  readonly texts: readonly string[];
  readonly count: number;
  /** The spans, which follow. */
  readonly body: Uint8Array;
}

function headOf(reader: ByteReader): Head {
  const form = reader.byte();
  if (form !== version) throw new RangeError(`form ${form} is not known`);
  const last = reader.count() - 1;
  const texts: string[] = [];
  for (let left = reader.count(); left > 0; left -= 1) texts.push(reader.text());
  return { last, texts, count: reader.count(), body: reader.rest() };
}

function readable<T>(bytes: Uint8Array, read: (reader: ByteReader) => T): T {
  try {
    return read(new ByteReader(bytes));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new NephoscopeError(
      'ROLLUP_DAMAGED',
      `a rollup cannot be read (${cause.message}): 'nephoscope rollups rebuild' makes it again from the samples`,
      { cause },
    );
  }
}

const forms = { general: 0, oneReading: 1, plain: 2 } as const;

class Encoder {
  readonly #out: ByteWriter;
  readonly #texts: Map<string, number>;
  readonly #origin: bigint;

  constructor(out: ByteWriter, texts: Map<string, number>, origin: bigint) {
    this.#out = out;
    this.#texts = texts;
    this.#origin = origin;
  }

  span(span: SpanState): void {
    const plain = plainOf(span);
    if (plain === undefined) return this.#general(span);
    const { first, last, samples, sum } = plain;
    const isOne = span.first?.at === last.at;
    this.#out.byte(isOne ? forms.oneReading : forms.plain);
    this.#text(first.group);
    if (span.rules.type === 'cumulative') this.#text(first.epoch);
    this.#time(first.at);
    this.#decimal(first.volume);
    this.#out.count(samples);
    if (!isOne) {
      this.#out.count(Number(last.at - first.at));
      this.#out.count(Number(span.widest));
      if (span.rules.type === 'cumulative') this.#decimal(sum);
    }
    if (span.rules.type === 'gauge') this.#text(last.epoch);
  }

  #general({ first, firsts, last, epochs, cells, widest }: SpanState): void {
    const out = this.#out;
    out.byte(forms.general);
    out.count(first === undefined || last === undefined ? 0 : 1);
    if (first === undefined || last === undefined) return;
    out.count(Number(widest));
    this.#time(first.at);
    this.#all(first.readings, (reading) => this.#reading(reading));
    this.#all(first.samples, ([group, count]) => {
      this.#text(group);
      out.count(count);
    });
    this.#all(firsts, ({ reading, start }) => {
      this.#time(reading.at);
      this.#reading(reading);
      this.#time(start);
    });
    this.#time(last.at);
    this.#all(last.readings, (reading) => this.#reading(reading));
    this.#all(epochs, ([epoch, volume]) => {
      this.#text(epoch);
      this.#decimal(volume);
    });
    this.#all(cells, ([group, cell]) => {
      this.#text(group);
      this.#cell(cell);
    });
  }

  #cell(cell: CellState): void {
    const out = this.#out;
    out.count(cell.samples);
    this.#all(cell.epochs, (epoch) => this.#text(epoch));
    out.count(cell.falls);
    this.#optional(cell.sum);
    this.#decimal(cell.amount);
    out.integer(cell.held);
    this.#optional(cell.least);
    this.#optional(cell.greatest);
    this.#optional(cell.last?.volume);
    if (cell.last !== undefined) this.#time(cell.last.at);
    this.#all(cell.weights, ([value, ns]) => {
      this.#text(value);
      out.integer(ns);
    });
    for (const intervals of [cell.covered, cell.bridged, cell.missing])
      this.#all(intervals, ({ start, end }) => {
        this.#time(start);
        out.integer(end - start);
      });
  }

  /** Its time is known where it stands. */
  #reading({ group, epoch, volume }: Reading): void {
    this.#text(group);
    this.#text(epoch);
    this.#decimal(volume);
  }

  #all<T>(items: readonly T[], write: (item: T) => void): void {
    this.#out.count(items.length);
    for (const item of items) write(item);
  }

  #optional(value: Decimal | undefined): void {
    this.#out.byte(value === undefined ? 0 : 1);
    if (value !== undefined) this.#decimal(value);
  }

  #decimal({ digits, scale }: Decimal): void {
    this.#out.count(scale);
    this.#out.integer(digits);
  }

  #time(at: bigint): void {
    this.#out.integer(at - this.#origin);
  }

  #text(text: string | null): void {
    if (text === null) return this.#out.count(0);
    const known = this.#texts.get(text) ?? this.#texts.size;
    this.#texts.set(text, known);
    this.#out.count(known + 1);
  }
}

class Decoder {
  readonly #in: ByteReader;
  readonly #texts: readonly string[];
  readonly #origin: bigint;
  readonly #type: CounterType;

  constructor(input: ByteReader, texts: readonly string[], origin: bigint, type: CounterType) {
    this.#in = input;
    this.#texts = texts;
    this.#origin = origin;
    this.#type = type;
  }

  span(): SpanState {
    const form = this.#in.byte();
    if (form === forms.general) return this.#general();
    if (form !== forms.oneReading && form !== forms.plain) throw new RangeError(`kind ${form} is not known`);
    const group = this.#text();
    const epoch = this.#type === 'cumulative' ? this.#text() : null;
    const first = { at: this.#time(), volume: this.#decimal(), epoch, group, id: '' };
    const samples = this.#in.count();
    if (form === forms.oneReading) {
      const one = this.#type === 'gauge' ? lastOf(first, first.at, this.#text(), undefined) : first;
      return plainSpan({ type: this.#type, first: one, last: one, samples, widest: 0n });
    }
    const at = first.at + BigInt(this.#in.count());
    const widest = BigInt(this.#in.count());
    const sum = this.#type === 'cumulative' ? this.#decimal() : undefined;
    const last = lastOf(first, at, this.#type === 'gauge' ? this.#text() : first.epoch, sum);
    return plainSpan({ type: this.#type, first, last, samples, widest, sum });
  }

  #general(): SpanState {
    const rules = rolledRules(this.#type);
    if (this.#in.count() === 0)
      return { rules, widest: 0n, first: undefined, firsts: [], last: undefined, epochs: [], cells: [] };
    const widest = BigInt(this.#in.count());
    const at = this.#time();
    const first = {
      at,
      readings: this.#all(() => this.#reading(at)),
      samples: this.#all(() => [this.#named(), this.#in.count()] as const),
    };
    const firsts = this.#all(() => ({ reading: this.#reading(this.#time()), start: this.#time() }));
    const lastAt = this.#time();
    const last = { at: lastAt, readings: this.#all(() => this.#reading(lastAt)) };
    const epochs = this.#all(() => [this.#text(), this.#decimal()] as const);
    const cells = this.#all(() => [this.#named(), this.#cell()] as const);
    return { rules, widest, first, firsts, last, epochs, cells };
  }

  #cell(): CellState {
    const samples = this.#in.count();
    const epochs = this.#all(() => this.#named());
    const falls = this.#in.count();
    const sum = this.#optional();
    const amount = this.#decimal();
    const held = this.#in.integer();
    const least = this.#optional();
    const greatest = this.#optional();
    const volume = this.#optional();
    const last = volume === undefined ? undefined : { volume, at: this.#time() };
    const weights = this.#all(() => [this.#named(), this.#in.integer()] as const);
    const covered = this.#intervals();
    const bridged = this.#intervals();
    const missing = this.#intervals();
    // Without spread, which takes many times as long.
    return {
      samples,
      epochs,
      falls,
      sum,
      amount,
      held,
      least,
      greatest,
      last,
      weights,
      covered,
      bridged,
      missing,
    };
  }

  #intervals(): readonly Interval[] {
    return this.#all(() => {
      const start = this.#time();
      return { start, end: start + this.#in.integer() };
    });
  }

  #reading(at: bigint): Reading {
    return { at, group: this.#text(), epoch: this.#text(), volume: this.#decimal(), id: '' };
  }

  #all<T>(read: () => T): T[] {
    const items: T[] = [];
    for (let left = this.#in.count(); left > 0; left -= 1) items.push(read());
    return items;
  }

  #optional(): Decimal | undefined {
    return this.#in.byte() === 0 ? undefined : this.#decimal();
  }

  #decimal(): Decimal {
    const scale = this.#in.count();
    return { scale, digits: this.#in.integer() };
  }

  #time(): bigint {
    return this.#origin + this.#in.integer();
  }

  #text(): string | null {
    const number = this.#in.count();
    if (number === 0) return null;
    const text = this.#texts[number - 1];
    if (text === undefined) throw new RangeError(`text ${number} is not there`);
    return text;
  }

  #named(): string {
    const text = this.#text();
    if (text === null) throw new RangeError('a name is not there');
    return text;
  }
}
