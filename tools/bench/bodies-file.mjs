/* global Buffer */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

/** Writes the bodies of messages one after the other, each behind its length. */
export function writeBodies(path, messages) {
  const file = openSync(path, 'w');
  for (const { body } of messages) {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(body.byteLength);
    writeSync(file, length);
    writeSync(file, body);
  }
  closeSync(file);
}

/** The bodies in their order, one at a time in memory. */
export function* readBodies(path) {
  const file = openSync(path, 'r');
  try {
    const length = Buffer.alloc(4);
    while (readSync(file, length) === 4) {
      const body = Buffer.allocUnsafeSlow(length.readUInt32LE());
      if (readSync(file, body) !== body.length) throw new Error(`${path} ends within a body`);
      yield body;
    }
  } finally {
    closeSync(file);
  }
}
