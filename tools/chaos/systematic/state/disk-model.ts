import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

import type { Effect } from './watched-disk.js';

/** What a disk keeps at a power failure: of names whose folder was not synced, and of bytes that were not synced. */
export interface DiskModel {
  readonly name: string;
  readonly names: 'kept' | 'lost';
  readonly bytes: 'kept' | 'lost' | 'zeros' | 'holes' | 'half';
}

/** The first one is the kill of the process: the kernel keeps everything. */
export const diskModels: readonly DiskModel[] = [
  { name: 'killed', names: 'kept', bytes: 'kept' },
  { name: 'what is not synced is lost', names: 'lost', bytes: 'lost' },
  { name: 'names come before bytes', names: 'kept', bytes: 'lost' },
  { name: 'sizes come before bytes, which are zeros', names: 'kept', bytes: 'zeros' },
  { name: 'bytes are there in part', names: 'kept', bytes: 'holes' },
  { name: 'bytes are there as to the first half', names: 'kept', bytes: 'half' },
  { name: 'bytes come before names', names: 'lost', bytes: 'kept' },
];

const sector = 512;

interface Content {
  now: Buffer;
  synced: Buffer;
}

/** A disk in memory, as effects have left it. */
export class ModelDisk {
  readonly #files = new Map<number, Content>();
  readonly #names = new Map<string, number>();
  readonly #folders = new Set<string>();
  readonly #syncedFolders = new Set<string>();
  readonly #syncedNames = new Map<string, number>();

  apply(effect: Effect): void {
    switch (effect.kind) {
      case 'create':
        this.#files.set(effect.file, { now: Buffer.alloc(0), synced: Buffer.alloc(0) });
        this.#names.set(effect.path, effect.file);
        break;
      case 'write': {
        const content = this.#files.get(effect.file) as Content;
        const size = Math.max(content.now.length, effect.at + effect.bytes.length);
        const grown = Buffer.alloc(size);
        content.now.copy(grown);
        effect.bytes.copy(grown, effect.at);
        content.now = grown;
        break;
      }
      case 'truncate': {
        const content = this.#files.get(effect.file) as Content;
        content.now = content.now.subarray(0, effect.size);
        break;
      }
      case 'sync': {
        const content = this.#files.get(effect.file) as Content;
        content.synced = content.now;
        break;
      }
      case 'rename':
        this.#names.set(effect.to, this.#names.get(effect.from) as number);
        this.#names.delete(effect.from);
        break;
      case 'remove':
        this.#names.delete(effect.path);
        break;
      case 'folder':
        this.#folders.add(effect.path);
        break;
      case 'sync-folder':
        this.#syncFolder(effect.path);
        break;
    }
  }

  /** Writes the files after a crash to a folder. @param from the folder that was watched */
  async write(model: DiskModel, from: string, to: string): Promise<void> {
    const [names, folders] =
      model.names === 'kept' ? [this.#names, this.#folders] : [this.#syncedNames, this.#syncedFolders];
    const isThere = (path: string): boolean => path === from || (folders.has(path) && isThere(dirname(path)));
    for (const folder of folders)
      if (isThere(folder)) await mkdir(join(to, relative(from, folder)), { recursive: true });
    for (const [path, file] of names) {
      if (!isThere(dirname(path))) continue;
      await writeFile(join(to, relative(from, path)), left(this.#files.get(file) as Content, model), {
        mode: 0o600,
      });
    }
  }

  #syncFolder(path: string): void {
    for (const name of this.#syncedNames.keys()) if (dirname(name) === path) this.#syncedNames.delete(name);
    for (const [name, file] of this.#names) if (dirname(name) === path) this.#syncedNames.set(name, file);
    for (const folder of this.#folders) if (dirname(folder) === path) this.#syncedFolders.add(folder);
  }
}

function left({ now, synced }: Content, { bytes }: DiskModel): Buffer {
  if (bytes === 'kept') return now;
  if (bytes === 'lost') return synced;
  // Files are appended to, or written completely, so the synced bytes are their beginning.
  const size = bytes === 'half' ? synced.length + Math.floor((now.length - synced.length) / 2) : now.length;
  const result = Buffer.from(now.subarray(0, size));
  if (bytes === 'zeros') result.fill(0, synced.length);
  if (bytes === 'holes')
    for (let at = synced.length; at < size; at += sector) {
      const end = Math.min(size, at - (at % sector) + sector);
      if (Math.floor(at / sector) % 2 === 0) result.fill(0, at, end);
    }
  return result;
}
