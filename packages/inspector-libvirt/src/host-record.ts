import type { Missing } from '@nephoscope/core';
import type { InstancePart } from '@nephoscope/core/instance';
import type { DomainStatsRecord } from '@nephoscope/libvirt';

import { processAnswered } from './bulk-stats.js';
import type { ImageInfo } from './image-info.js';

/** A domain's figures, and when they came. */
export interface HostRecord extends DomainStatsRecord {
  readonly readAt: bigint;
  readonly readAtMonotonic: bigint;
  /** Why figures are not in it that should be. */
  readonly failure?: Missing;
  /** What was asked of each image by itself, by the disk's name. */
  readonly images?: ReadonlyMap<string, ImageInfo>;
}

/** Whether nothing is missing in it that a domain's process would have to tell. */
export function isWhole({ domain, params, failure }: HostRecord, parts: ReadonlySet<InstancePart>): boolean {
  return failure === undefined && (domain.id < 0 || processAnswered(params, parts));
}

/**
 * The one of two records of a run that tells more, and the later one when both tell as much: a question that failed takes nothing
 * away from what was answered before.
 */
export function fuller(before: HostRecord | undefined, later: HostRecord): HostRecord {
  if (before === undefined || before.domain.id !== later.domain.id) return later;
  if (later.params.size >= before.params.size) return later;
  return { ...before, ...(later.failure && { failure: later.failure }) };
}
