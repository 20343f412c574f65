import { open, rename, rm } from 'node:fs/promises';

/** Suffix of a file that is not complete yet. What a crash leaves of it is removed at the next start. */
export const temporarySuffix = '.tmp';

/**
 * Replaces a file as a whole or not at all. Until the directory is synced, a power loss may leave either of the two;
 * each is complete.
 *
 * @param previous the name under which the old file is kept
 * @throws what the file system throws
 */
export async function replaceFile(path: string, parts: readonly Uint8Array[], previous?: string): Promise<void> {
  const temporary = path + temporarySuffix;
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      // A single write may be partial; this writes all or throws.
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    if (previous !== undefined) await rename(path, previous).catch(ignoreMissing);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
