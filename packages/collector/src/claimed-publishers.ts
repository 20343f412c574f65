import type { Refusal } from './intake.js';

const most = 5;
const longest = 120;
/** Number of refusals of a delivery that are examined. */
const lookedAt = 20;

const before = Buffer.from('"publisher_id":');
const text = /^\s*"((?:[^"\\]|\\.)*)"/;

/** Senders of refused messages by the publisher id in them, which is unverified: a few of them, for the log. */
export class ClaimedPublishers {
  #names = new Set<string>();

  add(refusals: readonly Refusal[]): void {
    for (const { bytes } of refusals.slice(0, lookedAt)) {
      if (this.#names.size >= most) return;
      const name = bytes === undefined ? undefined : publisherIn(bytes);
      if (name !== undefined) this.#names.add(name);
    }
  }

  /** Those since the last call. */
  take(): readonly string[] {
    const names = [...this.#names];
    this.#names = new Set();
    return names;
  }
}

/** Not parsed as JSON: it may not be JSON, or may be of any size. */
function publisherIn(bytes: Uint8Array): string | undefined {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = body.indexOf(before);
  if (at === -1) return undefined;
  const start = at + before.length;
  return text.exec(body.toString('utf8', start, start + longest))?.[1];
}
