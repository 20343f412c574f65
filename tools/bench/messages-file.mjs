/* global Buffer */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

const headBytes = 12;

/** Writes messages one after the other: the lengths of routing key and body, the number of samples, key, body. */
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

/** The messages in their order, one at a time in memory, up to about so many samples. */
export function* readMessages(path, samples) {
  const file = openSync(path, 'r');
  const read = (length) => {
    const bytes = Buffer.allocUnsafeSlow(length);
    if (readSync(file, bytes) !== length) throw new Error(`${path} ends within a message`);
    return bytes;
  };
  try {
    const head = Buffer.alloc(headBytes);
    for (let left = samples; left > 0 && readSync(file, head) === headBytes;) {
      const routingKey = read(head.readUInt32LE(0)).toString();
      const body = read(head.readUInt32LE(4));
      left -= head.readUInt32LE(8);
      yield { routingKey, body };
    }
  } finally {
    closeSync(file);
  }
}
