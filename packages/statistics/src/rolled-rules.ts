import type { CounterType } from '@nephoscope/core';

import type { Rules } from './between.js';

/** Readings that are further apart bridge the time between them unless a query states otherwise: 20 minutes, ns. */
export const usualDistance = 20n * 60_000_000_000n;

/** The rules that stored spans are made by; queries with others can use those whose readings are close enough together. */
export function rolledRules(type: CounterType): Rules {
  return rules[type];
}

const rulesOf = (type: CounterType): Rules => ({
  type,
  usual: usualDistance,
  hold: undefined,
  distribution: true,
});
const rules: Readonly<Record<CounterType, Rules>> = {
  cumulative: rulesOf('cumulative'),
  delta: rulesOf('delta'),
  gauge: rulesOf('gauge'),
};

/** Whether a stored span with this longest distance between readings is the same under these rules. */
export function isAsRolled(widest: bigint, { usual, hold }: Pick<Rules, 'usual' | 'hold'>): boolean {
  const isUsual = usual === usualDistance || widest <= (usual < usualDistance ? usual : usualDistance);
  return isUsual && (hold === undefined || widest <= hold);
}
