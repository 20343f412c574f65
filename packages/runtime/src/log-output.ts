import { writeSync } from 'node:fs';

/** How long a line waits for a slow reader, ms; while it remains slow, the following lines do not wait. */
const timeLimit = 1_000;
const pause = 10;

/**
 * The destination of a log. Each line is written at once, so that the last one before a crash is there. Lines that
 * cannot be written, because the reader is gone or the disk is full, are dropped and counted, and the number is
 * logged when writing works again: a program must not end, or use more memory, because its log has no reader.
 */
export function logOutput(fd: number, write: typeof writeSync = writeSync): { write(line: string): void } {
  let lost = 0;
  let midLine = false;

  function put(text: string): void {
    let bytes = Buffer.from(text);
    let waited = lost === 0 ? 0 : timeLimit;
    while (bytes.byteLength > 0) {
      try {
        bytes = bytes.subarray(write(fd, bytes));
        midLine = bytes.byteLength > 0;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || waited >= timeLimit) throw error;
        waited += pause;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
      }
    }
  }

  return {
    write(line) {
      try {
        if (midLine) put('\n');
        if (lost > 0)
          put(`${JSON.stringify({ level: 'warn', msg: `${lost} lines of this log could not be written` })}\n`);
        lost = 0;
        put(line);
      } catch {
        lost += 1;
      }
    },
  };
}
