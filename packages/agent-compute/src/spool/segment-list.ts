import { rm } from 'node:fs/promises';

import { Mutex } from '@nephoscope/async';
import { describeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';

import type { AgentMetrics } from '../metrics.js';
import { syncFolder } from '../disk/sync-folder.js';
import type { StoredSegment } from './stored-segment.js';

export interface SegmentListParts {
  readonly folder: string;
  /** Keeps the totals of what was dropped: called before the last file is deleted that says them. */
  readonly saveTotals: () => Promise<void>;
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
}

/** The segments of a spool, oldest first; the last one is being written. */
export class SegmentList {
  /** Whether a segment may not be deleted yet though it is confirmed. */
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

  /** When the first sample of a segment was taken, as timestamps are written: of the last one that has any. */
  get newest(): string | undefined {
    return this.#segments.findLast(({ oldest }) => oldest !== undefined)?.oldest;
  }

  get active(): StoredSegment {
    return this.#segments.at(-1) as StoredSegment;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { size }) => sum + size, 0);
  }

  /** That are not confirmed. */
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

  /** Those behind a segment that are not written any more. */
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

  /** @param samples by which those that wait have become more */
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

  /** Deletes what nobody needs: segments that are confirmed, and files that were replaced. Says so when it cannot. */
  collect(): Promise<void> {
    return this.#collecting.run(async () => {
      const { folder, logger, saveTotals } = this.#parts;
      const done = this.#deletable();
      if (done.length === 0 && this.#obsolete.length === 0) return;
      try {
        if (done.some(({ hasReports }) => hasReports)) await saveTotals();
        // What stands in their place must be there for certain.
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
