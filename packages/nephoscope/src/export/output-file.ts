import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';

import { NephoscopeError } from '@nephoscope/core';

/**
 * Writes a new file. It has its name when everything is in it and on disk; until then it has `.part` after the name.
 *
 * @throws OUTPUT_FAILED if there is such a file already, or it cannot be written; what `parts` throws
 */
export async function writeFileWhole(path: string, parts: AsyncIterable<Buffer>): Promise<void> {
  if (existsSync(path))
    throw new NephoscopeError('OUTPUT_FAILED', `${path} exists already: remove it, or choose another name`);
  const unfinished = `${path}.part`;
  const told = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw new NephoscopeError('OUTPUT_FAILED', `${path} cannot be written`, { cause: error });
    }
  };
  const file = await told(() => open(unfinished, 'w', 0o600));
  try {
    for await (const part of parts) await told(() => file.appendFile(part));
    await told(() => file.sync());
    await file.close();
    await told(() => rename(unfinished, path));
  } catch (error) {
    await file.close();
    await rm(unfinished, { force: true });
    throw error;
  }
}
