import type { CounterType } from '@nephoscope/core';

import type { Cell } from './cell.js';
import { coverageOf } from './coverage.js';
import type { Coverage } from './coverage.js';
import { formatDecimal, zero } from './decimal.js';
import { isAdditive, unitOf, valueOf } from './functions.js';
import type { FigureFunction } from './functions.js';
import type { GroupKey } from './groups.js';
import type { Period } from './periods.js';
import { exactDecimal, formatFraction, formatRounded, round, roundParts, unending } from './rounding.js';
import type { Fraction, Rounding } from './rounding.js';

/** An exact figure, with what is known about its range. Numbers are decimal text, times in ns since 1970 UTC. */
export interface Figure {
  readonly function: FigureFunction;
  readonly type: CounterType;
  readonly unit: string | null;
  /** The value of each grouping key. */
  readonly group: Readonly<Partial<Record<GroupKey, string | null>>>;
  readonly start: bigint;
  readonly end: bigint;
  /** Whether the period is cut off by the beginning or the end of the range. */
  readonly partial: boolean;
  /** Null if nothing is known; a known 0 is 0. */
  readonly value: string | null;
  /** How `value` was rounded: as requested, or because no decimal equals it. */
  readonly rounding?: Rounding;
  /** The exact value if it was rounded: `1/3`. */
  readonly fraction?: string;
  /** The part of the value that belongs to the period as a share of the time between two readings. */
  readonly apportioned: string;
  /** The count of a cumulative meter at its first reading ever, if that is in the period; not part of the value. */
  readonly opening: string | null;
  readonly series: number;
  readonly samples: number;
  /** Runs of a cumulative meter with a reading in the period. */
  readonly epochs: number;
  readonly coverage: Coverage;
}

/** The inputs of a figure. */
export interface FigureSource {
  readonly function: FigureFunction;
  readonly type: CounterType;
  readonly unit: string | null;
  readonly source: string;
  readonly group: Figure['group'];
  readonly period: Period;
  readonly cell: Cell;
}

/** Figures from their inputs; with a rounding, those that can be added are rounded so that they add up to their rounded sum. */
export function figuresOf(sources: readonly FigureSource[], rounding: Rounding | undefined): Figure[] {
  const values = sources.map((source) => valueOf(source.function, source.cell));
  if (rounding === undefined) return sources.map((source, at) => figureOf(source, exactText(values[at])));
  const parts = new Map<string, number[]>();
  sources.forEach((source, at) => {
    if (values[at] === undefined || !isAdditive(source.function)) return;
    const key = totalKey(source.function, source, source.group.meter);
    const positions = parts.get(key) ?? [];
    parts.set(key, positions);
    positions.push(at);
  });
  const rounded = values.map((value) => value && round(value, rounding));
  for (const positions of parts.values())
    roundParts(
      positions.map((at) => values[at] as Fraction),
      rounding,
    ).forEach((value, index) => (rounded[positions[index] as number] = value));
  return sources.map((source, at) => {
    const [value, exact] = [rounded[at], values[at]];
    if (value === undefined || exact === undefined) return figureOf(source, { value: null });
    return figureOf(source, { value: formatRounded(value), rounding, fraction: formatFraction(exact) });
  });
}

/** Figures with the same key have a common total. */
export function totalKey(
  name: string,
  { type, unit, source }: Pick<FigureSource, 'type' | 'unit' | 'source'>,
  meter: string | null | undefined,
): string {
  return JSON.stringify([name, type, unit, source, meter ?? null]);
}

function exactText(value: Fraction | undefined): Pick<Figure, 'value' | 'rounding' | 'fraction'> {
  if (value === undefined) return { value: null };
  const exact = exactDecimal(value);
  if (exact !== undefined) return { value: formatDecimal(exact) };
  const rounding = unending(value);
  return { value: formatRounded(round(value, rounding)), rounding, fraction: formatFraction(value) };
}

function figureOf(source: FigureSource, value: Pick<Figure, 'value' | 'rounding' | 'fraction'>): Figure {
  const { cell, period, type } = source;
  return {
    function: source.function,
    type,
    unit: unitOf(source.function, source.unit),
    group: source.group,
    start: period.start,
    end: period.end,
    partial: period.partial,
    ...value,
    apportioned: formatDecimal(source.function === 'use' ? cell.apportioned : zero),
    opening: cell.opening === undefined ? null : formatDecimal(cell.opening),
    series: cell.series.size,
    samples: cell.samples,
    epochs: cell.epochs.size + cell.falls,
    coverage: coverageOf(cell, period),
  };
}
