import type { SpoolMessage } from './record.js';
import type { SegmentList } from './segment-list.js';
import { readParts } from './segment-reader.js';
import type { StoredSegment } from './stored-segment.js';

/** A message to be sent, and its segment. */
export interface SpoolEntry {
  readonly message: SpoolMessage;
  readonly segment: StoredSegment;
}

export interface ReadAheadParts {
  readonly list: SegmentList;
  /** Limit for appended messages that are kept in memory, in bytes. */
  readonly keptBytes: number;
  /** Called before the next segment is read. */
  readonly beforeNext: () => Promise<void>;
  /** Whether it need not be sent and can be skipped. */
  readonly isNeedless: (entry: SpoolEntry) => boolean;
  /** Called when the disk has lost messages of a segment that were there at the start. */
  readonly onLost: (segment: StoredSegment) => void;
}

/** The messages to send next, kept in memory if they were just appended or read. */
export class ReadAhead {
  readonly #parts: ReadAheadParts;
  readonly #ready: SpoolEntry[] = [];
  #bytes = 0;
  /** `ready` holds nothing from this position on. */
  #segment: StoredSegment;
  #offset: number;
  #hasUnread: boolean;

  constructor(parts: ReadAheadParts) {
    this.#parts = parts;
    const { active, oldest } = parts.list;
    this.#segment = oldest;
    this.#offset = oldest.start;
    this.#hasUnread = oldest !== active;
  }

  /** The segment being read. */
  get segment(): StoredSegment {
    return this.#segment;
  }

  /** Messages in memory. */
  get held(): number {
    return this.#ready.length;
  }

  onAppended(messages: readonly SpoolMessage[], segment: StoredSegment, offset: number): void {
    const bytes = messages.reduce((sum, { body }) => sum + body.length, 0);
    if (!this.#hasUnread && this.#bytes + bytes <= this.#parts.keptBytes) {
      for (const message of messages) this.#ready.push({ message, segment });
      this.#bytes += bytes;
      this.onWritten(segment);
      return;
    }
    if (!this.#hasUnread) {
      this.#segment = segment;
      this.#offset = offset;
      this.#hasUnread = true;
    }
    segment.unread += messages.length;
    segment.unreadSamples += messages.reduce((sum, { samples }) => sum + samples, 0);
  }

  /** To be called when `segment` is the one being written; without unread messages it is read from its end. */
  onWritten(segment: StoredSegment): void {
    if (this.#hasUnread) return;
    this.#segment = segment;
    this.#offset = segment.size;
  }

  take(): SpoolEntry | undefined {
    const entry = this.#ready.shift();
    if (entry !== undefined) this.#bytes -= entry.message.body.length;
    return entry;
  }

  /** Loads the next messages; resolves with false if there are none. @throws what the file system throws */
  async load(): Promise<boolean> {
    while (this.#ready.length === 0 && this.#hasUnread) await this.#read();
    return this.#ready.length > 0;
  }

  async #read(): Promise<void> {
    const { beforeNext, list, onLost } = this.#parts;
    const segment = this.#segment;
    for await (const part of readParts(segment.path, this.#offset, segment.size)) {
      for (const { record } of part.records) if (record.kind === 'message') this.#onRead(record.message, segment);
      this.#offset = part.end;
      if (this.#ready.length > 0) break;
    }
    if (this.#offset < segment.size && this.#ready.length > 0) return;
    if (segment === list.active) {
      this.#hasUnread = this.#offset < segment.size;
      return;
    }
    if (segment.unread > 0) onLost(segment);
    await beforeNext();
    this.#segment = list.next(segment);
    this.#offset = this.#segment.start;
    if (segment.unconfirmed === 0) void list.collect();
  }

  #onRead(message: SpoolMessage, segment: StoredSegment): void {
    segment.unread -= 1;
    segment.unreadSamples -= message.samples;
    const entry = { message, segment };
    if (this.#parts.isNeedless(entry)) return;
    this.#ready.push(entry);
    this.#bytes += message.body.length;
  }
}
