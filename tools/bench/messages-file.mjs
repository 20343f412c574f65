import { closeSync, openSync, readSync, writeSync } from 'node:fs';

const headBytes = 12;

/** Writes messages one after another: the lengths of routing key and body, the number of samples, key, body. */
export function writeMessages(path, messages) {
  const file = openSync(path, 'w');
  for (const { routingKey, body, samples } of messages) {
    const key = Buffer.from(routingKey);
    const head = Buffer.alloc(headBytes);
    [key.length, body.byteLength, samples].forEach((number, index) => head.writeUInt32LE(number, index * 4));
    for (const part of [head, key, body]) writeSync(file, part);
  }
  closeSync(file);
}

/** A body's buffer is reused after this many further bodies. */
export const bodiesAtOnce = 64;

/**
 * The messages in order, up to about this many samples. Bodies are read into {@link bodiesAtOnce} buffers in turn, because a new
 * buffer for each would cause garbage collection in the measured process.
 */
export function* readMessages(path, samples) {
  const file = openSync(path, 'r');
  const buffers = Array.from({ length: bodiesAtOnce }, () => Buffer.alloc(0));
  let next = 0;
  const read = (length) => {
    next = (next + 1) % bodiesAtOnce;
    if (buffers[next].length < length) buffers[next] = Buffer.allocUnsafeSlow(length);
    const bytes = buffers[next].subarray(0, length);
    if (readSync(file, bytes) !== length) throw new Error(`${path} ends within a message`);
    return bytes;
  };
  try {
    const head = Buffer.alloc(headBytes);
    for (let left = samples; left > 0 && readSync(file, head) === headBytes;) {
      const key = Buffer.alloc(head.readUInt32LE(0));
      readSync(file, key);
      const body = read(head.readUInt32LE(4));
      left -= head.readUInt32LE(8);
      yield { routingKey: key.toString(), body };
    }
  } finally {
    closeSync(file);
  }
}
