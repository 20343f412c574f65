import type { Cell } from './cell.js';
import type { CellState, SpanState } from './span-state.js';
import { Span } from './span.js';

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
