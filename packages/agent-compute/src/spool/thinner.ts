import { describeError, formatTimestamp, parseTimestamp } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';

import type { AgentMetrics } from '../metrics.js';
import { compact } from './compaction.js';
import type { CompactionParts } from './compaction.js';
import type { SegmentList } from './segment-list.js';
import type { StoredSegment } from './stored-segment.js';

/** The limits of a spool. */
export interface SpoolOptions {
  /** Bytes on disk. */
  readonly maxBytes: number;
  /** ms */
  readonly maxAge: number;
}

export interface ThinnerParts extends CompactionParts {
  readonly options: SpoolOptions;
  readonly list: SegmentList;
  /** The segment from which messages are being sent: it is not thinned. */
  readonly sending: () => StoredSegment;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
}

interface Run {
  readonly segments: ReadonlySet<StoredSegment>;
  readonly done: Promise<void>;
  readonly stop: AbortController;
}

// Early enough that there is room for samples that arrive meanwhile, …
const fullAt = 7 / 8;
// … and rarely enough when little can be dropped: the part of the limit that must have been added since the last
// time.
const worthIt = 1 / 8;
// The part of the maximum age after which expired samples are looked for.
const ageStep = 1 / 30;

/** Thins the spool in the background when it reaches its limits, one run at a time. */
export class Thinner {
  readonly #parts: ThinnerParts;
  #run: Run | undefined;
  /** Bytes completed since it was last thinned to a size. */
  #news: number;
  /** When expired samples were last looked for, ns on the monotonic clock. */
  #lookedAt: bigint | undefined;
  /** The wall clock's time at the zero of the monotonic clock, or the last time in the spool if that is earlier: ns. */
  readonly #origin: bigint;
  /** When segments of this run were completed, ns on the monotonic clock. */
  readonly #completedAt = new WeakMap<StoredSegment, bigint>();

  constructor(parts: ThinnerParts) {
    this.#parts = parts;
    const { clock, list } = parts;
    this.#news = list.bytes;
    const now = clock.now();
    const last = list.newest === undefined ? now : parseTimestamp(list.newest);
    this.#origin = (last < now ? last : now) - clock.monotonic();
  }

  /**
   * The time before which samples have expired, in the notation of timestamps. A wall clock that jumps ahead does not
   * make samples expire, because the time advances with the monotonic clock.
   */
  get cutoff(): string {
    const { clock, options } = this.#parts;
    const [now, passed] = [clock.now(), this.#origin + clock.monotonic()];
    return formatTimestamp((now < passed ? now : passed) - nanoseconds(options.maxAge));
  }

  isAtWorkOn(segment: StoredSegment): boolean {
    return this.#run?.segments.has(segment) === true;
  }

  onComplete(segment: StoredSegment): void {
    this.#news += segment.size;
    this.#completedAt.set(segment, this.#parts.clock.monotonic());
  }

  /** Starts thinning if it is due. */
  lookAfter(): void {
    const { clock, list, options } = this.#parts;
    const { maxAge, maxBytes } = options;
    if (list.bytes > maxBytes * fullAt && this.#news > maxBytes * worthIt) {
      this.#start(maxBytes / 2);
      return;
    }
    const now = clock.monotonic();
    if (this.#lookedAt !== undefined && now - this.#lookedAt < nanoseconds(maxAge * ageStep)) return;
    this.#lookedAt = now;
    this.#start(undefined);
  }

  /** Makes as much room as possible. Undefined: nothing was added since the last time. */
  makeRoom(): Promise<void> | undefined {
    if (this.#run === undefined && this.#news > 0) this.#start(this.#parts.options.maxBytes / 2);
    return this.#run?.done;
  }

  /** Ends a run in progress as soon as what it has on disk is complete. */
  async stop(): Promise<void> {
    this.#run?.stop.abort();
    await this.#run?.done;
  }

  /** @param bytes size to reach; undefined: only expired samples are thinned */
  #start(bytes: number | undefined): void {
    if (this.#run !== undefined) return;
    const { list, sending } = this.#parts;
    // To make room, everything is thinned alike: expired samples are gone, or only a wrong clock makes them look
    // expired.
    const cutoff = bytes === undefined ? this.cutoff : '';
    const segments = list
      .completeAfter(sending())
      .filter((segment) => bytes !== undefined || this.#isOld(segment, cutoff));
    if (bytes !== undefined) this.#news = 0;
    if (segments.length === 0) return;
    const stop = new AbortController();
    const done = this.#thin(segments, cutoff, bytes, stop.signal).finally(() => {
      this.#run = undefined;
      // It was stopped for the sender: there is more to thin.
      if (stop.signal.aborted && bytes !== undefined) this.#news = list.bytes;
      void list.collect();
    });
    this.#run = { segments: new Set(segments), done, stop };
  }

  /** A sample of a clock that was behind has not expired before it has waited for that long. */
  #isOld(segment: StoredSegment, cutoff: string): boolean {
    const { clock, options } = this.#parts;
    const { oldest } = segment;
    const completedAt = this.#completedAt.get(segment);
    if (oldest === undefined || oldest >= cutoff) return false;
    return completedAt === undefined || clock.monotonic() - completedAt >= nanoseconds(options.maxAge);
  }

  async #thin(
    segments: readonly StoredSegment[],
    cutoff: string,
    bytes: number | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { list, logger, metrics } = this.#parts;
    const before = list.bytes;
    const meters: Record<string, number> = {};
    try {
      for await (const { replaced, by, dropped } of compact(segments, { cutoff, bytes }, this.#parts, signal)) {
        for (const [meter, { samples }] of dropped.byMeter) {
          metrics.dropped.inc({ meter }, samples);
          meters[meter] = (meters[meter] ?? 0) + samples;
        }
        const completedAt = this.#completedAt.get(replaced.at(-1) as StoredSegment);
        if (completedAt !== undefined) this.#completedAt.set(by, completedAt);
        await list.replace(replaced, by);
      }
    } catch (error) {
      logger.error({ err: error }, `the spool cannot be thinned: ${describeError(error)}`);
    }
    const samples = Object.values(meters).reduce((sum, count) => sum + count, 0);
    if (samples > 0)
      logger.warn(
        { samples, meters, bytes: list.bytes, before },
        `the spool is thinned: ${samples} samples dropped; totals of cumulative meters do not change`,
      );
  }
}

function nanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1_000)) * 1_000n;
}
