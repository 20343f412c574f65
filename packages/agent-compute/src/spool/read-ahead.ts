import type { SpoolMessage } from './record.js';
import type { SegmentList } from './segment-list.js';
import { readParts } from './segment-reader.js';
import type { StoredSegment } from './stored-segment.js';

/** A message that is to be sent, and where it stands. */
export interface SpoolEntry {
  readonly message: SpoolMessage;
  readonly segment: StoredSegment;
}

export interface ReadAheadParts {
  readonly list: SegmentList;
  /** Bytes of messages that are kept in memory when they are appended. */
  readonly keptBytes: number;
  /** Called before a segment is entered. */
  readonly beforeNext: () => Promise<void>;
  /** Whether it need not be sent: it is done with then. */
  readonly isNeedless: (entry: SpoolEntry) => boolean;
  /** The disk has lost messages of it that were there at the start. */
  readonly onLost: (segment: StoredSegment) => void;
}

/** The messages that are sent next, in memory as far as they have just been appended or read. */
export class ReadAhead {
  readonly #parts: ReadAheadParts;
  readonly #ready: SpoolEntry[] = [];
  #bytes = 0;
  /** What stands from here on is not in `ready`. */
  #segment: StoredSegment;
  #offset: number;
  #isBehind: boolean;

  constructor(parts: ReadAheadParts) {
    this.#parts = parts;
    const { active, oldest } = parts.list;
    this.#segment = oldest;
    this.#offset = oldest.start;
    this.#isBehind = oldest !== active;
  }

  /** The one that is being read. */
  get segment(): StoredSegment {
    return this.#segment;
  }

  /** Messages in memory. */
  get held(): number {
    return this.#ready.length;
  }

  /** Takes note of what has just been appended. */
  onAppended(messages: readonly SpoolMessage[], segment: StoredSegment, offset: number): void {
    const bytes = messages.reduce((sum, { body }) => sum + body.length, 0);
    if (!this.#isBehind && this.#bytes + bytes <= this.#parts.keptBytes) {
      for (const message of messages) this.#ready.push({ message, segment });
      this.#bytes += bytes;
      this.onWritten(segment);
      return;
    }
    if (!this.#isBehind) {
      this.#segment = segment;
      this.#offset = offset;
      this.#isBehind = true;
    }
    segment.unread += messages.length;
    segment.unreadSamples += messages.reduce((sum, { samples }) => sum + samples, 0);
  }

  /** The segment has no more to send than is in memory; it is the one that is written. */
  onWritten(segment: StoredSegment): void {
    if (this.#isBehind) return;
    this.#segment = segment;
    this.#offset = segment.size;
  }

  take(): SpoolEntry | undefined {
    const entry = this.#ready.shift();
    if (entry !== undefined) this.#bytes -= entry.message.body.length;
    return entry;
  }

  /** Brings the next messages into memory. False: there are none. @throws what the file system throws */
  async load(): Promise<boolean> {
    while (this.#ready.length === 0 && this.#isBehind) await this.#read();
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
      this.#isBehind = this.#offset < segment.size;
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
