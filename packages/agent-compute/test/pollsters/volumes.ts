import type { Counter } from '@nephoscope/core';

/** Volumes by meter; of one resource, if it is given. */
export function volumes(counters: readonly Counter[], resourceId?: string): Record<string, number | bigint> {
  const wanted = counters.filter((counter) => resourceId === undefined || counter.resourceId === resourceId);
  return Object.fromEntries(wanted.map(({ name, volume }) => [name, volume]));
}
