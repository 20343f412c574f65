import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { Mutex, orAborted } from '@nephoscope/async';
import { NephoscopeError, describeError, formatTimestamp, isNephoscopeError } from '@nephoscope/core';
import type { Clock } from '@nephoscope/core';

import { AppendFile } from '../disk/append-file.js';
import { Bell } from './bell.js';
import type { CompactionParts } from './compaction.js';
import { ReadAhead } from './read-ahead.js';
import type { SpoolEntry } from './read-ahead.js';
import { recordParts } from './record.js';
import type { SpoolMessage } from './record.js';
import { scanSpool } from './scan.js';
import { SegmentList } from './segment-list.js';
import type { SegmentListParts } from './segment-list.js';
import { segmentName } from './segment.js';
import type { StoredSegment } from './stored-segment.js';
import { Thinner } from './thinner.js';
import type { SpoolOptions } from './thinner.js';

const largestSegment = 8 * 1024 * 1024;

export interface SpoolParts extends SegmentListParts, Omit<CompactionParts, 'segmentBytes'> {
  readonly options: SpoolOptions;
  readonly clock: Clock;
}

/**
 * Messages on disk from their creation until the bus has confirmed them, in the order in which they were appended.
 * Only the next ones are in memory, so that a message that is appended and sent at once is not read again.
 */
export class Spool {
  /** Size of a segment in bytes, and limit for messages in flight. */
  readonly segmentBytes: number;
  /** Rung when messages are appended or confirmed. */
  readonly changed = new Bell();
  readonly #parts: SpoolParts;
  readonly #appending = new Mutex();
  readonly #list: SegmentList;
  readonly #ahead: ReadAhead;
  readonly #thinner: Thinner;
  #file: AppendFile;
  #sequence: bigint;
  #closed = false;

  private constructor(parts: SpoolParts, segments: readonly StoredSegment[], file: AppendFile, sequence: bigint) {
    this.#parts = parts;
    this.#file = file;
    this.#sequence = sequence;
    // Large enough to be handled well, and small enough that what is being sent is a small part of the whole.
    const segmentBytes = Math.min(largestSegment, Math.ceil(parts.options.maxBytes / 16));
    this.segmentBytes = segmentBytes;
    const list = new SegmentList(parts, segments);
    const thinner = new Thinner({ ...parts, segmentBytes, list, sending: () => this.#ahead.segment });
    this.#list = list;
    this.#thinner = thinner;
    this.#ahead = new ReadAhead({
      list,
      keptBytes: segmentBytes / 4,
      beforeNext: () => thinner.stop(),
      isNeedless: (entry) => this.#isSuperseded(entry),
      onLost: (segment) => this.#onLost(segment),
    });
    list.isInUse = (segment) => segment === this.#ahead.segment || thinner.isAtWorkOn(segment);
  }

  /**
   * Reads what the last run left, and begins a segment.
   *
   * @param sequence the last number known to have been used
   * @throws SPOOL_UNAVAILABLE
   */
  static async open(parts: SpoolParts, sequence: bigint): Promise<Spool> {
    const { dropped, folder, logger, metrics } = parts;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const { cutOff, damaged, damagedFiles, segments, sequence: found } = await scanSpool(folder, dropped);
      if (damaged > 0) {
        metrics.torn.inc(damaged);
        const text = `${damaged} spool records are damaged and were skipped: ${damagedFiles.join(', ')}`;
        logger.warn({ records: damaged, files: damagedFiles }, text);
      }
      if (cutOff !== undefined)
        logger.info(
          { file: cutOff },
          `the end of ${cutOff} was cut off during the write: none of it had been accepted, and nothing is missing`,
        );
      const last = found > sequence ? found : sequence;
      const { file, segment } = await begin(folder, segments.at(-1), last);
      const spool = new Spool(parts, [...segments, segment], file, last);
      await spool.#list.collect();
      return spool;
    } catch (error) {
      throw unavailable(folder, error);
    }
  }

  /** The last number in it, or before it. */
  get sequence(): bigint {
    return this.#sequence;
  }

  /** On disk. */
  get bytes(): number {
    return this.#list.bytes;
  }

  /** Unconfirmed samples. */
  get waiting(): number {
    return this.#list.samples;
  }

  /** Whether everything is confirmed. */
  get isEmpty(): boolean {
    return this.#list.isConfirmed;
  }

  /** Messages in memory, not counting those that were taken. */
  get held(): number {
    return this.#ahead.held;
  }

  /**
   * Accepts all messages or none. They are durable afterwards. If there is no room, everything that is not being sent
   * is thinned first.
   *
   * @param signal ends the wait for that
   * @throws SPOOL_UNAVAILABLE if the disk does not accept them; SPOOL_FULL if nothing can be thinned any more
   */
  append(messages: readonly SpoolMessage[], signal: AbortSignal): Promise<void> {
    return this.#appending.run(async () => {
      if (messages.length === 0) return;
      const parts = recordParts([
        { kind: 'append', messages: messages.length },
        ...messages.map((message) => ({ kind: 'message', message }) as const),
      ]);
      const bytes = parts.reduce((sum, { length }) => sum + length, 0);
      try {
        if (this.#closed) throw new NephoscopeError('STOPPED', 'the spool is closed');
        await this.#makeRoom(bytes, signal);
        if (this.#mustBeginAnother(bytes)) await this.#beginAnother();
        const offset = this.#file.size;
        await this.#file.append(parts);
        this.#onDurable(messages, offset);
      } catch (error) {
        await this.#leaveUnsound();
        throw unavailable(this.#parts.folder, error);
      }
      this.#thinner.lookAfter();
    });
  }

  /** The next message to be sent, if it is in memory. */
  take(): SpoolEntry | undefined {
    return this.#ahead.take();
  }

  /**
   * Loads the next messages; resolves with false if there are none.
   *
   * @throws SPOOL_UNAVAILABLE
   */
  async load(): Promise<boolean> {
    if (this.#closed) return false;
    try {
      return await this.#ahead.load();
    } catch (error) {
      throw unavailable(this.#parts.folder, error);
    }
  }

  /** The bus has confirmed the message. */
  confirm({ message, segment }: SpoolEntry): void {
    if (this.#closed) return;
    segment.unconfirmed -= 1;
    segment.samples -= message.samples;
    this.#list.count(-message.samples);
    if (segment.unconfirmed === 0 && segment !== this.#list.active) void this.#list.collect();
    if (segment.unconfirmed === 0 && this.isEmpty) void this.#noteConfirmed();
    this.changed.ring();
  }

  /** Nothing is written any more. What is confirmed by now is not sent again. */
  async close(): Promise<void> {
    await this.#thinner.stop();
    await this.#list.collect();
    await this.#appending.run(async () => {
      if (!this.#closed) await this.#leaveUnsound();
      if (!this.#closed) await this.#file.close();
      this.#closed = true;
    });
  }

  #onDurable(messages: readonly SpoolMessage[], offset: number): void {
    const segment = this.#list.active;
    const samples = messages.reduce((sum, message) => sum + message.samples, 0);
    segment.size = this.#file.size;
    segment.appends += 1;
    segment.unconfirmed += messages.length;
    segment.samples += samples;
    segment.oldest ??= formatTimestamp(this.#parts.clock.now());
    for (const { last } of messages) if (last > this.#sequence) this.#sequence = last;
    this.#ahead.onAppended(messages, segment, offset);
    this.#list.count(samples);
    this.changed.ring();
  }

  /** A later report includes it, or will, because a total does not fall. */
  #isSuperseded(entry: SpoolEntry): boolean {
    const { dropped } = entry.message;
    if (dropped === undefined || !this.#parts.dropped.isSuperseded(dropped)) return false;
    this.confirm(entry);
    return true;
  }

  #onLost(segment: StoredSegment): void {
    const { logger, metrics } = this.#parts;
    const { path, unread, unreadSamples } = segment;
    metrics.torn.inc(unread);
    const text = `${unread} messages in ${path} can no longer be read and are lost: check the disk`;
    logger.error({ file: path, messages: unread, samples: unreadSamples }, text);
    segment.unconfirmed -= unread;
    segment.samples -= unreadSamples;
    segment.unread = segment.unreadSamples = 0;
    this.#list.count(-unreadSamples);
    this.changed.ring();
  }

  #mustBeginAnother(bytes: number): boolean {
    const { oldest, size, start } = this.#list.active;
    const isFull = size > start && size + bytes > this.segmentBytes;
    const isOld = oldest !== undefined && oldest < this.#thinner.cutoff;
    return isFull || isOld || !this.#file.isSound;
  }

  async #beginAnother(): Promise<void> {
    const before = this.#file;
    const complete = this.#list.active;
    complete.hasRemains = !before.isSound;
    const { file, segment } = await begin(this.#parts.folder, complete, this.#sequence);
    this.#file = file;
    this.#ahead.onWritten(segment);
    this.#thinner.onComplete(complete);
    this.#list.add(segment);
    await before.close();
  }

  /** Invalidates bytes that could not be cut off: the next segment excludes them before any number is used again. */
  async #leaveUnsound(): Promise<void> {
    if (!this.#file.isSound) await this.#beginAnother().catch(() => undefined);
  }

  /** So that the next start need not send them again. */
  #noteConfirmed(): Promise<void> {
    return this.#appending.run(async () => {
      if (this.#closed || !this.isEmpty || !this.#file.isSound) return;
      this.#parts.dropped.endOutage();
      try {
        await this.#file.append(recordParts([{ kind: 'confirmed' }]), false);
        const { active } = this.#list;
        active.size = this.#file.size;
        this.#ahead.onWritten(active);
      } catch (error) {
        const text = `after kill -9 some samples would be sent twice, under the same ids: ${describeError(error)}`;
        this.#parts.logger.debug({ err: error }, text);
      }
    });
  }

  async #makeRoom(bytes: number, signal: AbortSignal): Promise<void> {
    const { folder, options } = this.#parts;
    const isFull = () => this.bytes + bytes > options.maxBytes;
    const { size, start, unconfirmed } = this.#list.active;
    if (isFull() && unconfirmed === 0 && size > start) {
      await this.#beginAnother();
      await this.#list.collect();
    }
    while (isFull() && !signal.aborted) {
      const thinned = this.#thinner.makeRoom();
      if (thinned === undefined) break;
      await orAborted(thinned, signal).catch(() => undefined);
    }
    if (!isFull()) return;
    throw new NephoscopeError(
      'SPOOL_FULL',
      `the spool ${folder} holds ${this.bytes} bytes that cannot be thinned now, of ${options.maxBytes} (compute.spool.maxBytes): restore the bus, or raise the limit`,
    );
  }
}

async function begin(folder: string, last: StoredSegment | undefined, sequence: bigint) {
  const number = (last?.last ?? 0) + 1;
  const range = { first: number, last: number };
  const path = join(folder, segmentName(range));
  const before = last && { segment: last.last, appends: last.appends };
  const file = await AppendFile.create(path, recordParts([{ kind: 'segment', sequence, before }]));
  const nothing = {
    unconfirmed: 0,
    samples: 0,
    unread: 0,
    unreadSamples: 0,
    oldest: undefined,
    hasReports: false,
    appends: 0,
    hasRemains: false,
  };
  const segment: StoredSegment = {
    ...range,
    path,
    sequence,
    before,
    start: file.size,
    size: file.size,
    ...nothing,
  };
  return { file, segment };
}

function unavailable(folder: string, cause: unknown): NephoscopeError {
  if (isNephoscopeError(cause)) return cause;
  return new NephoscopeError(
    'SPOOL_UNAVAILABLE',
    `the spool ${folder} cannot be read or written: free space, or fix its permissions or its disk`,
    { cause },
  );
}
