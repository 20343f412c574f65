import { answerLimits, AnswerRefused } from './answer-limits.js';
import { JsonScanner } from './json-scanner.js';
import type { ListSpan } from './json-scanner.js';
import { parseSmallJson } from './json.js';
import type { JsonObject, JsonValue } from './json.js';

const blockBytes = 256 * 1024;
const smallBlock = 4 * 1024;
/** Size of a piece of a list, in bytes and items. */
const pieceBytes = 1024 * 1024;
const pieceItems = 1_000;
// This much of each answer is not counted.
const uncounted = answerLimits.rest.bytes;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** How much of large answers is held now, bytes, by all requests of a session together. */
export class HeldBytes {
  #held = 0;

  /** @throws AnswerRefused if it is more than may be held in memory */
  take(bytes: number): void {
    if (this.#held + bytes > answerLimits.bytesHeld)
      throw new AnswerRefused(
        `the answers that are read at once are larger than ${answerLimits.bytesHeld / 1024 / 1024} MiB together`,
      );
    this.#held += bytes;
  }

  giveBack(bytes: number): void {
    this.#held -= bytes;
  }
}

/**
 * The JSON of an answer, limited while it arrives and parsed in small pieces. It is kept in separate blocks, because
 * a view of the socket's buffer would retain all of that.
 */
export class AnswerBody {
  readonly #held: HeldBytes;
  readonly #scanner: JsonScanner;
  readonly #blocks: Buffer[] = [];
  #size = 0;
  #counted = 0;

  /** @param listKey the member with the items of a listing; '' if the answer itself is the list */
  constructor(held: HeldBytes, listKey?: string) {
    this.#held = held;
    this.#scanner = new JsonScanner(listKey);
  }

  get size(): number {
    return this.#size;
  }

  /** @throws AnswerRefused if it is not acceptable */
  append(chunk: Uint8Array): void {
    if (this.#size + chunk.length > answerLimits.bytes)
      throw new AnswerRefused(`the answer is larger than ${answerLimits.bytes / 1024 / 1024} MiB`);
    this.#scanner.push(chunk);
    const counted = Math.max(0, this.#size + chunk.length - uncounted);
    this.#held.take(counted - this.#counted);
    this.#counted = counted;
    for (let at = 0; at < chunk.length;) {
      const used = this.#size % blockBytes;
      const block = this.#blockWith(used);
      const part = chunk.subarray(at, at + block.length - used);
      block.set(part, used);
      this.#size += part.length;
      at += part.length;
    }
  }

  /** The last block, with room after these bytes. Most answers are small, and so is the first block. */
  #blockWith(used: number): Buffer {
    if (used === 0) this.#blocks.push(Buffer.allocUnsafe(smallBlock));
    const last = this.#blocks.at(-1) as Buffer;
    if (used < last.length) return last;
    const larger = Buffer.allocUnsafe(Math.min(blockBytes, 8 * last.length));
    larger.set(last);
    this.#blocks[this.#blocks.length - 1] = larger;
    return larger;
  }

  /** Releases it. Safe to call twice. */
  release(): void {
    this.#held.giveBack(this.#counted);
    this.#counted = 0;
    this.#blocks.length = 0;
  }

  /**
   * The whole answer, if no list is expected.
   *
   * @throws AnswerRefused
   */
  value(): JsonValue {
    this.#scanner.end();
    return parseSmallJson(this.#text(0, this.#size));
  }

  /**
   * Everything except the list, with an empty one in its place; and the list, unless it is missing.
   *
   * @throws AnswerRefused
   */
  listing(): { readonly around: JsonValue; readonly list: AnswerList | undefined } {
    const list = this.#scanner.end();
    if (list === undefined) return { around: this.value(), list: undefined };
    const around = `${this.#text(0, list.start)}[]${this.#text(list.end, this.#size)}`;
    return { around: parseSmallJson(around), list: new AnswerList(list, (start, end) => this.#text(start, end)) };
  }

  #text(start: number, end: number): string {
    const parts: Buffer[] = [];
    for (let at = start; at < end;) {
      const [block, offset] = [Math.floor(at / blockBytes), at % blockBytes];
      const part = (this.#blocks[block] as Buffer).subarray(offset, Math.min(blockBytes, offset + end - at));
      parts.push(part);
      at += part.length;
    }
    try {
      return utf8.decode(parts.length === 1 ? parts[0] : Buffer.concat(parts));
    } catch {
      throw new AnswerRefused('the answer is no UTF-8 text');
    }
  }
}

/** The items of a list in an answer, each parsed on demand. */
export class AnswerList {
  readonly #span: ListSpan;
  readonly #text: (start: number, end: number) => string;

  constructor(span: ListSpan, text: (start: number, end: number) => string) {
    this.#span = span;
    this.#text = text;
  }

  get length(): number {
    return this.#span.starts.length;
  }

  /** @throws AnswerRefused */
  last(): JsonObject | undefined {
    return this.length === 0 ? undefined : this.#items(this.length - 1, this.length)[0];
  }

  /**
   * All items in their order, in pieces that take some milliseconds.
   *
   * @throws AnswerRefused
   */
  *pieces(): Generator<readonly JsonObject[], void, undefined> {
    const { starts, ends } = this.#span;
    for (let from = 0; from < this.length;) {
      let to = from + 1;
      while (
        to < this.length &&
        to - from < pieceItems &&
        (ends[to] as number) - (starts[from] as number) < pieceBytes
      )
        to += 1;
      yield this.#items(from, to);
      from = to;
    }
  }

  /** The items from one up to the one before `to`, with the text between them. */
  #items(from: number, to: number): readonly JsonObject[] {
    const { starts, ends } = this.#span;
    const text = this.#text(starts[from] as number, ends[to - 1] as number);
    return parseSmallJson(`[${text}]`) as readonly JsonObject[];
  }
}
