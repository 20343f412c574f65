import { open, rename, rm } from 'node:fs/promises';

/** Ends the name of a file that is not complete yet. What a crash leaves of it is removed at the next start. */
export const temporarySuffix = '.tmp';

/**
 * Puts a file in the place of another, all of it or nothing. Which of the two a power loss leaves is open until the folder
 * is synced; each is whole.
 *
 * @param previous the name under which what was there before stays
 * @throws what the file system throws
 */
export async function replaceFile(path: string, bytes: Uint8Array | string, previous?: string): Promise<void> {
  const temporary = path + temporarySuffix;
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      // Unlike one write, which may take a part and say so, this writes all or throws.
      await file.writeFile(bytes);
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
