import type { Rules, Tail } from './between.js';
import { Cell } from './cell.js';
import type { ValueAt } from './cell.js';
import type { Decimal } from './decimal.js';
import type { Instant, Reading } from './instant.js';
import type { Interval } from './interval-set.js';
import { Span } from './span.js';
import type { FirstOfEpoch } from './span.js';

/** A {@link Span} as plain data (numbers, bigints, texts and arrays) in the form that is stored. */
export interface SpanState {
  readonly rules: Rules;
  /** The longest time, ns, between two instants next to one another. */
  readonly widest: bigint;
  /** Undefined for a span without readings. */
  readonly first: InstantState | undefined;
  readonly firsts: readonly FirstOfEpoch[];
  readonly last: { readonly at: bigint; readonly readings: readonly Reading[] } | undefined;
  readonly epochs: readonly (readonly [epoch: string | null, volume: Decimal])[];
  readonly cells: readonly (readonly [group: string, cell: CellState])[];
}

interface InstantState extends Omit<Instant, 'samples'> {
  readonly samples: readonly (readonly [group: string, samples: number])[];
}

export interface CellState {
  readonly samples: number;
  readonly epochs: readonly string[];
  readonly falls: number;
  readonly sum: Decimal | undefined;
  readonly amount: Decimal;
  readonly held: bigint;
  readonly least: Decimal | undefined;
  readonly greatest: Decimal | undefined;
  readonly last: ValueAt | undefined;
  readonly weights: readonly (readonly [value: string, ns: bigint])[];
  readonly covered: readonly Interval[];
  readonly bridged: readonly Interval[];
  readonly missing: readonly Interval[];
}

export function stateOf({ rules, widest, first, firsts, tail, cells }: Span): SpanState {
  return {
    rules,
    widest,
    first: first && { ...first, samples: [...first.samples] },
    firsts: [...firsts],
    last: tail && { at: tail.at, readings: tail.readings },
    epochs: [...(tail?.epochs ?? [])],
    cells: [...cells].map(([group, cell]) => [group, cellState(cell)]),
  };
}

/** @param groupOf what its groups are called now; several may become one, and those of null are left out */
export function spanOf(state: SpanState, groupOf?: (group: string) => string | null): Span {
  const { rules, widest, first, last, epochs } = state;
  const named = (reading: Reading): Reading =>
    groupOf === undefined || reading.group === null ? reading : { ...reading, group: groupOf(reading.group) };
  const firsts = state.firsts.map(({ reading, start }) => ({ reading: named(reading), start }));
  const cells = new Map<string, Cell>();
  const samples = new Map<string, number>();
  for (const [group, cell] of state.cells) {
    const name = groupOf === undefined ? group : groupOf(group);
    if (name === null) continue;
    const same = cells.get(name);
    if (same === undefined) cells.set(name, cellFrom(cell, rules));
    else same.absorb(cellFrom(cell, rules));
  }
  for (const [group, count] of first?.samples ?? []) {
    const name = groupOf === undefined ? group : groupOf(group);
    if (name !== null) samples.set(name, (samples.get(name) ?? 0) + count);
  }
  const tail: Tail | undefined = last && {
    at: last.at,
    readings: last.readings.map(named),
    epochs: new Map(epochs),
  };
  return new Span(rules, {
    first: first && { at: first.at, readings: first.readings.map(named), samples },
    ...{ widest, firsts, tail, cells },
  });
}

function cellState(cell: Cell): CellState {
  const { samples, falls, sum, amount, held, least, greatest, last } = cell;
  return {
    ...{ samples, falls, sum, amount, held, least, greatest, last },
    epochs: [...cell.epochs],
    weights: [...(cell.weights ?? [])],
    covered: [...cell.covered],
    bridged: [...cell.bridged],
    missing: [...cell.missing],
  };
}

function cellFrom(state: CellState, { distribution = false }: Rules): Cell {
  const cell = new Cell(distribution);
  const { samples, falls, sum, amount, held, least, greatest, last } = state;
  Object.assign(cell, { samples, falls, sum, amount, held, least, greatest, last });
  for (const epoch of state.epochs) cell.epochs.add(epoch);
  for (const [value, ns] of state.weights) cell.weights?.set(value, ns);
  for (const name of ['covered', 'bridged', 'missing'] as const)
    for (const { start, end } of state[name]) cell[name].add(start, end);
  return cell;
}
