import { open } from 'node:fs/promises';

/** Makes the names in a directory durable. @throws what the file system throws */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
