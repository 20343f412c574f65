import type { Plugging } from '@nephoscope/core/pollster';
import { z } from 'zod';

export type StoredPart = readonly [
  key: string,
  volume: string,
  plugging?: Plugging | null | undefined,
  marked?: string | undefined,
];

/**
 * The form on disk: volumes as text, because JSON's numbers are too small. Elements after `resets` are omitted if
 * unknown.
 */
export type StoredSeries = readonly [
  volume: string,
  resets: number,
  plugging?: Plugging | null | undefined,
  gone?: string | undefined,
  parts?: readonly StoredPart[] | undefined,
  away?: readonly StoredPart[] | undefined,
];

/** The state of an instance on disk. */
export interface StoredRun {
  readonly run: string;
  /** How often another run had this name after the instance was seen to be off. */
  readonly recurrence: number;
  readonly ended: boolean;
  readonly begun?: number | undefined;
  /** Written by older versions only; ms since 1970. */
  readonly lastSeen?: number | undefined;
  readonly series: Readonly<Record<string, StoredSeries>>;
}

/** By instance id, in the order in which they were last seen. */
export type StoredEpochs = Readonly<Record<string, StoredRun>>;

const volume = z.string().refine((text) => text !== '' && Number.isFinite(Number(text)), 'is not a number');
const plugging = z.array(z.string());
const storedParts = z.array(
  z.union([
    z.tuple([z.string(), volume, plugging.optional()]),
    z.tuple([z.string(), volume, plugging.nullable(), volume]),
  ]),
);
// Up to 0.1 a series had only its first two elements.
const storedSeries = z.tuple([
  volume,
  z.int().min(0),
  plugging.nullish(),
  volume.optional(),
  storedParts.optional(),
  storedParts.optional(),
]);

const known = {
  run: z.string(),
  recurrence: z.int().min(0),
  ended: z.boolean(),
  begun: z.int().min(0).optional(),
};
const storedRun = z.object({
  ...known,
  lastSeen: z.number().optional(),
  series: z.record(z.string(), storedSeries),
});

/** The whole state, and the first journal after it. Up to 0.1 it was the instances alone, without a journal. */
export const storedSnapshot = z.union([
  z.object({ version: z.literal(2), generation: z.int().min(0), instances: z.record(z.string(), storedRun) }),
  z.record(z.string(), storedRun).transform((instances) => ({ generation: 0, instances })),
]);

/** Changes by instance: `null` if discarded, everything for a new one, or only some series. */
export const storedChanges = z.record(
  z.string(),
  z.union([z.null(), storedRun, z.object({ ...known, changed: z.record(z.string(), storedSeries.nullable()) })]),
);

export type StoredChanges = z.infer<typeof storedChanges>;

/** Applies changes to `stored`. They contain new values, so applying a change twice does no harm. */
export function applyChanges(stored: Record<string, StoredRun>, changes: StoredChanges): void {
  for (const [id, change] of Object.entries(changes)) {
    if (change === null) delete stored[id];
    else if ('series' in change) stored[id] = change;
    else {
      const { changed, ...run } = change;
      const before = stored[id];
      // Otherwise the record of this run's beginning was lost.
      const isSame = before?.run === run.run && before.recurrence === run.recurrence;
      const series = (isSame ? before.series : {}) as Record<string, StoredSeries>;
      for (const [key, one] of Object.entries(changed)) {
        if (one === null) delete series[key];
        else series[key] = one;
      }
      stored[id] = { ...run, series };
    }
  }
}
