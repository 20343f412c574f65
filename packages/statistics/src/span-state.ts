import type { Rules } from './between.js';
import type { Cell } from './cell.js';
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
    first: first && { at: first.at, readings: first.readings, samples: [...first.samples] },
    firsts: [...firsts],
    last: tail && { at: tail.at, readings: tail.readings },
    epochs: [...(tail?.epochs ?? [])],
    cells: [...cells].map(([group, cell]) => [group, cellState(cell)]),
  };
}

/** The same span, to which others can be added. */
export function spanOf(state: SpanState): Span {
  const span = new Span(state.rules);
  span.append(state);
  return span;
}

function cellState(cell: Cell): CellState {
  // Without spread: there is one for each hour of each series.
  return {
    samples: cell.samples,
    epochs: [...cell.epochs],
    falls: cell.falls,
    sum: cell.sum,
    amount: cell.amount,
    held: cell.held,
    least: cell.least,
    greatest: cell.greatest,
    last: cell.last,
    weights: cell.weights === undefined ? [] : [...cell.weights],
    covered: [...cell.covered],
    bridged: [...cell.bridged],
    missing: [...cell.missing],
  };
}
