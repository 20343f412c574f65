import type { Refusal } from './intake.js';

const most = 5;
const longest = 120;
/** Of a delivery's refusals so many are looked at. */
const lookedAt = 20;

const before = Buffer.from('"publisher_id":');
const text = /^\s*"((?:[^"\\]|\\.)*)"/;

/** Who sent what was refused, by its own account, which nobody has verified: some of those that it names. */
export class ClaimedPublishers {
  #names = new Set<string>();

  add(refusals: readonly Refusal[]): void {
    for (const { bytes } of refusals.slice(0, lookedAt)) {
      if (this.#names.size >= most) return;
      const name = bytes === undefined ? undefined : publisherIn(bytes);
      if (name !== undefined) this.#names.add(name);
    }
  }

  /** Those since the last time. */
  take(): readonly string[] {
    const names = [...this.#names];
    this.#names = new Set();
    return names;
  }
}

/** Not read as JSON: it may be none, or as large as the sender likes. */
function publisherIn(bytes: Uint8Array): string | undefined {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = body.indexOf(before);
  if (at === -1) return undefined;
  const start = at + before.length;
  return text.exec(body.toString('utf8', start, start + longest))?.[1];
}
