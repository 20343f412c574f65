import { createHash } from 'node:crypto';

import type { SeriesKey } from '@nephoscope/core/sample-store';

/** The id of a series as figures know it, as the text of a UUID: derived from its content, so that all collectors use the same. */
export function rolledSeriesId({ source, meter, type, unit, resourceId }: SeriesKey): string {
  return idOfTexts([source, meter, type, unit, resourceId]);
}

export function ownerId(series: string, projectId: string | null, userId: string | null): string {
  return idOfTexts([series, projectId, userId]);
}

function idOfTexts(texts: readonly (string | null)[]): string {
  const hex = createHash('sha256').update(JSON.stringify(texts)).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

/** What a cell of a rolled-up span is grouped by: everything that figures may be grouped by. */
export function groupName(
  projectId: string | null,
  userId: string | null,
  metadata: bigint | string | null,
): string {
  return JSON.stringify([projectId, userId, metadata === null ? null : String(metadata)]);
}

export function groupParts(name: string): {
  projectId: string | null;
  userId: string | null;
  metadata: string | null;
} {
  const [projectId, userId, metadata] = JSON.parse(name) as [string | null, string | null, string | null];
  return { projectId, userId, metadata };
}
