import { between, useSince } from './between.js';
import type { Rules, Sink, Tail } from './between.js';
import { Cell } from './cell.js';
import type { Decimal } from './decimal.js';
import type { Instant, Reading } from './instant.js';

/** An epoch's first reading in a span that may have readings before the span, with the time of the previous reading of the series. */
export interface FirstOfEpoch {
  readonly reading: Reading;
  readonly start: bigint;
}

interface SpanParts {
  readonly widest: bigint;
  readonly firsts: Iterable<FirstOfEpoch>;
  readonly cells: Iterable<readonly [group: string, cell: Cell]>;
}

/**
 * The partial result of a series for one span of time, independent of what comes before and after; longer spans are built from
 * shorter ones. A span built from instants in order equals one built by appending spans.
 */
export class Span {
  readonly rules: Rules;
  readonly cells = new Map<string, Cell>();
  /** Its use is known only together with the reading before the span. */
  first: Instant | undefined;
  /** Other epochs that are still open in the same way. */
  readonly firsts: FirstOfEpoch[] = [];
  /** The longest time, ns, between two instants next to one another. */
  widest = 0n;
  readonly #epochs = new Map<string | null, Decimal>();
  #tail: Tail | undefined;

  constructor(rules: Rules, from?: Pick<Span, 'first' | 'tail'> & SpanParts) {
    this.rules = rules;
    if (from === undefined) return;
    this.first = from.first;
    this.widest = from.widest;
    this.firsts.push(...from.firsts);
    for (const [group, cell] of from.cells) this.cells.set(group, cell);
    for (const [epoch, volume] of from.tail?.epochs ?? []) this.#epochs.set(epoch, volume);
    this.#tail = from.tail && { ...from.tail, epochs: this.#epochs };
  }

  /** The state of the series at the end; undefined if there is no reading. */
  get tail(): Tail | undefined {
    return this.#tail;
  }

  /** @param instant is later than those before */
  add(instant: Instant): void {
    this.#follow(instant);
    for (const [group, samples] of instant.samples) this.cell(group).samples += samples;
    for (const reading of instant.readings) {
      if (reading.group !== null) this.#read(this.cell(reading.group), reading);
      if (this.rules.type === 'cumulative') this.#epochs.set(reading.epoch, reading.volume);
    }
    this.#tail = { at: instant.at, readings: instant.readings, epochs: this.#epochs };
  }

  /** Adds the span that follows this one. */
  append(next: Span): void {
    const { first, tail } = next;
    if (first === undefined || tail === undefined) return;
    if (next.widest > this.widest) this.widest = next.widest;
    this.#follow(first);
    for (const entry of next.firsts) this.#use(entry.reading, entry.start, this.#epochs.get(entry.reading.epoch));
    for (const [group, cell] of next.cells) this.cell(group).absorb(cell);
    for (const [epoch, volume] of tail.epochs) this.#epochs.set(epoch, volume);
    this.#tail = { at: tail.at, readings: tail.readings, epochs: this.#epochs };
  }

  cell(group: string): Cell {
    let cell = this.cells.get(group);
    if (cell === undefined) this.cells.set(group, (cell = new Cell(this.rules.distribution === true)));
    return cell;
  }

  #follow(instant: Instant): void {
    if (this.#tail === undefined) this.first = instant;
    else {
      const distance = instant.at - this.#tail.at;
      if (distance > this.widest) this.widest = distance;
      between(this.#tail, instant, this.rules, this.#sink);
    }
  }

  #read(cell: Cell, { at, volume, epoch }: Reading): void {
    if (this.rules.type === 'cumulative') cell.epochs.add(epoch ?? '');
    else if (this.rules.type === 'gauge') cell.read({ at, volume });
    else cell.use(volume, false);
  }

  readonly #use = (reading: Reading, start: bigint, before: Decimal | undefined): void => {
    if (before === undefined) this.firsts.push({ reading, start });
    else if (reading.group !== null) {
      const { amount, fell } = useSince(before, reading.volume);
      const cell = this.cell(reading.group);
      cell.use(amount, false);
      if (fell) cell.falls += 1;
    }
  };

  readonly #sink: Sink = {
    use: this.#use,
    held: (group, start, end, value) => this.cell(group).hold(value, end - start),
    covered: (group, start, end, quality) => this.cell(group).cover(start, end, quality),
  };
}
