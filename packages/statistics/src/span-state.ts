import type { Rules } from './between.js';
import type { ValueAt } from './cell.js';
import type { Decimal } from './decimal.js';
import type { Instant, Reading } from './instant.js';
import type { Interval } from './interval-set.js';

/** An epoch's first reading in a span that may have readings before the span, with the time of the previous reading of the series. */
export interface FirstOfEpoch {
  readonly reading: Reading;
  readonly start: bigint;
}

/** A `Span` as plain data (numbers, bigints, texts and arrays) in the form that is stored. */
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
