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
  /** Separately requested facts of each image, by disk name. */
  readonly images?: ReadonlyMap<string, ImageInfo>;
}

/** Whether it contains everything that a domain's process reports. */
export function isWhole({ domain, params, failure }: HostRecord, parts: ReadonlySet<InstancePart>): boolean {
  return failure === undefined && (domain.id < 0 || processAnswered(params, parts));
}

/**
 * The more complete of two records of a run, or the later one if both are equally complete: a failed request does not
 * discard an earlier answer.
 */
export function fuller(before: HostRecord | undefined, later: HostRecord): HostRecord {
  if (before === undefined || before.domain.id !== later.domain.id) return later;
  if (later.params.size >= before.params.size) return later;
  return { ...before, ...(later.failure && { failure: later.failure }) };
}
