import { NephoscopeError } from '@nephoscope/core';
import { sayable } from '@nephoscope/runtime';

let failure: Error | undefined;
// Each failed write also emits this event, which would end the process.
process.stdout.on('error', (error) => (failure ??= error));

/**
 * Writes results to standard output, at the speed of its reader. Characters that affect a terminal are written as
 * JSON escapes, so that JSON keeps its meaning.
 *
 * @throws OUTPUT_CLOSED if the reader has closed the pipe, as in `nephoscope samples | head`
 */
export function print(text: string): Promise<void> {
  return write(sayable(text));
}

/**
 * Writes the parts of a result whose bytes matter: into a file or a pipe unchanged, on a terminal as {@link print} does.
 *
 * @throws OUTPUT_CLOSED, OUTPUT_FAILED; what `parts` throws
 */
export async function printExactly(parts: AsyncIterable<Buffer>): Promise<void> {
  for await (const part of parts) await write(process.stdout.isTTY ? sayable(part.toString()) : part);
}

function write(text: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null | undefined) => {
      if (error === null || error === undefined) resolve();
      else if ((error as NodeJS.ErrnoException).code === 'EPIPE')
        reject(new NephoscopeError('OUTPUT_CLOSED', 'the output is no longer read', { cause: error }));
      else reject(new NephoscopeError('OUTPUT_FAILED', 'the output cannot be written', { cause: error }));
    };
    if (failure === undefined) process.stdout.write(text, done);
    else done(failure);
  });
}

/** Prints a line that is not part of the result, to standard error. */
export function printNote(line: string): void {
  process.stderr.write(`${sayable(line)}\n`);
}
