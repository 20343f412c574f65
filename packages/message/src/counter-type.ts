import type { CounterType } from '@nephoscope/core';

const types: Readonly<Record<CounterType, true>> = { cumulative: true, delta: true, gauge: true };

export const counterTypes: readonly string[] = Object.keys(types);

export function isCounterType(type: unknown): type is CounterType {
  return typeof type === 'string' && Object.hasOwn(types, type);
}
