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

interface CellState {
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

export function stateOf({ rules, first, firsts, tail, cells }: Span): SpanState {
  return {
    rules,
    first: first && { ...first, samples: [...first.samples] },
    firsts: [...firsts],
    last: tail && { at: tail.at, readings: tail.readings },
    epochs: [...(tail?.epochs ?? [])],
    cells: [...cells].map(([group, cell]) => [group, cellState(cell)]),
  };
}

export function spanOf({ rules, first, firsts, last, epochs, cells }: SpanState): Span {
  const tail: Tail | undefined = last && { ...last, epochs: new Map(epochs) };
  return new Span(rules, {
    first: first && { ...first, samples: new Map(first.samples) },
    firsts,
    tail,
    cells: cells.map(([group, cell]) => [group, cellFrom(cell, rules)]),
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
