import { counterTypes } from '@nephoscope/core';
import type { CounterType } from '@nephoscope/core';

export function isCounterType(type: unknown): type is CounterType {
  return counterTypes.some((known) => known === type);
}
