import { between, useSince } from './between.js';
import type { Rules, Sink, Tail } from './between.js';
import { Cell } from './cell.js';
import type { Decimal } from './decimal.js';
import type { Instant, Reading } from './instant.js';
import type { FirstOfEpoch, SpanState } from './span-state.js';

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

  constructor(rules: Rules) {
    this.rules = rules;
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

  /**
   * Adds the span that follows this one, as it is stored.
   *
   * @param groupOf what its groups are called here; several may become one, and those of null are left out
   */
  append(next: SpanState, groupOf: (group: string) => string | null = same): void {
    const { first, last } = next;
    if (first === undefined || last === undefined) return;
    if (next.widest > this.widest) this.widest = next.widest;
    this.#follow({
      at: first.at,
      readings: named(first.readings, groupOf),
      samples: this.#tail === undefined ? countsOf(first.samples, groupOf) : nobody,
    });
    for (const { reading, start } of next.firsts)
      this.#use(inGroup(reading, groupOf), start, this.#epochs.get(reading.epoch));
    for (const [group, cell] of next.cells) {
      const name = groupOf(group);
      if (name !== null) this.cell(name).addSums(cell);
    }
    for (const [epoch, volume] of next.epochs) this.#epochs.set(epoch, volume);
    this.#tail = { at: last.at, readings: named(last.readings, groupOf), epochs: this.#epochs };
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

const same = (group: string) => group;

/** Those of instants within a span are counted in its cells. */
const nobody: ReadonlyMap<string, number> = new Map();

function countsOf(
  samples: Iterable<readonly [group: string, samples: number]>,
  groupOf: (group: string) => string | null,
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [group, count] of samples) {
    const name = groupOf(group);
    if (name !== null) counts.set(name, (counts.get(name) ?? 0) + count);
  }
  return counts;
}

function named(readings: readonly Reading[], groupOf: (group: string) => string | null): readonly Reading[] {
  return groupOf === same ? readings : readings.map((reading) => inGroup(reading, groupOf));
}

function inGroup(reading: Reading, groupOf: (group: string) => string | null): Reading {
  const { at, volume, epoch, group, id } = reading;
  return group === null ? reading : { at, volume, epoch, group: groupOf(group), id };
}
