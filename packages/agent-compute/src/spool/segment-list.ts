import { rm } from 'node:fs/promises';

import { Mutex } from '@nephoscope/async';
import { describeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';

import type { AgentMetrics } from '../metrics.js';
import { syncFolder } from '../disk/sync-folder.js';
import type { StoredSegment } from './stored-segment.js';

export interface SegmentListParts {
  readonly folder: string;
  /** Saves the totals of dropped samples; called before the last file that contains them is deleted. */
  readonly saveTotals: () => Promise<void>;
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
}

/** The segments of a spool, oldest first; the last one is being written. */
export class SegmentList {
  /** Whether a segment may not be deleted yet although it is confirmed. */
  isInUse: (segment: StoredSegment) => boolean = () => false;
  readonly #parts: SegmentListParts;
  readonly #collecting = new Mutex();
  #segments: StoredSegment[];
  /** Files that were replaced. */
  #obsolete: string[] = [];

  constructor(parts: SegmentListParts, segments: readonly StoredSegment[]) {
    this.#parts = parts;
    this.#segments = [...segments];
    this.count(this.samples);
  }

  get oldest(): StoredSegment {
    return this.#segments[0] as StoredSegment;
  }

  /** The time of a segment's first sample, in the notation of timestamps, for the last segment that has any. */
  get newest(): string | undefined {
    return this.#segments.findLast(({ oldest }) => oldest !== undefined)?.oldest;
  }

  get active(): StoredSegment {
    return this.#segments.at(-1) as StoredSegment;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { size }) => sum + size, 0);
  }

  /** Unconfirmed ones. */
  get samples(): number {
    return this.#segments.reduce((sum, { samples }) => sum + samples, 0);
  }

  get isConfirmed(): boolean {
    return this.#segments.every(({ unconfirmed }) => unconfirmed === 0);
  }

  add(segment: StoredSegment): void {
    this.#segments.push(segment);
    void this.collect();
  }

  /** Those after a segment that are complete. */
  completeAfter(segment: StoredSegment): readonly StoredSegment[] {
    return this.#segments.slice(0, -1).filter(({ first }) => first > segment.last);
  }

  next(segment: StoredSegment): StoredSegment {
    return this.#segments.find(({ first }) => first > segment.last) as StoredSegment;
  }

  replace(replaced: readonly StoredSegment[], by: StoredSegment): Promise<void> {
    const before = replaced.reduce((sum, { samples }) => sum + samples, 0);
    this.#segments.splice(this.#segments.indexOf(replaced[0] as StoredSegment), replaced.length, by);
    this.#obsolete.push(...replaced.map(({ path }) => path).filter((path) => path !== by.path));
    this.count(by.samples - before);
    return this.collect();
  }

  /** @param samples change in the number of waiting samples */
  count(samples: number): void {
    this.#parts.metrics.unsent.inc(samples);
    this.#parts.metrics.spoolBytes.set(this.bytes);
  }

  #deletable(): readonly StoredSegment[] {
    const done: StoredSegment[] = [];
    let before: StoredSegment | undefined;
    for (const segment of this.#segments.slice(0, -1)) {
      const isNeeded = before?.hasRemains === true && !done.includes(before);
      if (segment.unconfirmed === 0 && !isNeeded && !this.isInUse(segment)) done.push(segment);
      before = segment;
    }
    return done;
  }

  /** Deletes files that are no longer needed: confirmed segments, and replaced files. Logs failures. */
  collect(): Promise<void> {
    return this.#collecting.run(async () => {
      const { folder, logger, saveTotals } = this.#parts;
      const done = this.#deletable();
      if (done.length === 0 && this.#obsolete.length === 0) return;
      try {
        if (done.some(({ hasReports }) => hasReports)) await saveTotals();
        // The files that replace them must be durable first.
        await syncFolder(folder);
        for (const path of [...this.#obsolete]) {
          await rm(path, { force: true });
          this.#obsolete = this.#obsolete.filter((one) => one !== path);
        }
        for (const segment of done) {
          await rm(segment.path, { force: true });
          this.#segments = this.#segments.filter((one) => one !== segment);
        }
      } catch (error) {
        logger.warn({ err: error }, `sent samples cannot be removed from the spool yet: ${describeError(error)}`);
      }
      this.count(0);
    });
  }
}
