import { createRequire, syncBuiltinESMExports } from 'node:module';
import { sep } from 'node:path';
import type { FileHandle } from 'node:fs/promises';

/** An effect of a call on a disk. Paths are absolute; a file is identified by a number, whatever its names. */
export type Effect =
  | { readonly kind: 'create'; readonly path: string; readonly file: number }
  | { readonly kind: 'write'; readonly file: number; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly file: number; readonly size: number }
  | { readonly kind: 'sync'; readonly file: number }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'sync-folder'; readonly path: string };

/** How calls fail: without effect; with its effect, but reported as failed; or a write with half of its effect, and the next attempt without any. */
export interface Fault {
  /** The first call that fails, counted from 1, and how many more. */
  readonly at: number;
  readonly calls: number;
  readonly code: 'EIO' | 'ENOSPC';
  readonly done: 'nothing' | 'half' | 'all';
}

type Call = (...given: never[]) => Promise<unknown>;

// The object whose members modules import.
const fs = createRequire(import.meta.url)('node:fs/promises') as Record<string, Call>;

const grows = new Set(['open', 'mkdir', 'write', 'writev', 'writeFile', 'rename', 'datasync', 'sync']);

/**
 * Replaces this process's calls on files below a folder: records their effects in order, and can make them fail. Only one can be
 * installed at a time.
 */
export class WatchedDisk {
  readonly effects: Effect[] = [];
  /** The number of calls so far. */
  calls = 0;
  /** How often the fault occurred. */
  struck = 0;
  fault: Fault | undefined;
  readonly #root: string;
  readonly #real = { ...fs };
  readonly #files = new Map<string, number>();
  #next = 0;

  private constructor(root: string) {
    this.#root = root;
  }

  static install(root: string): WatchedDisk {
    const disk = new WatchedDisk(root);
    const { open, mkdir, readdir, readFile, rename, rm } = disk.#real as Record<string, Call>;
    Object.assign(fs, {
      open: (path: string, flags: string, mode: number) =>
        disk.#call('open', path, async () => {
          const handle = (await open!(...([path, flags, mode] as never[]))) as FileHandle;
          return disk.#has(path) ? disk.#wrapped(handle, path, flags) : handle;
        }),
      mkdir: (path: string, options: never) =>
        disk.#call('mkdir', path, async () => {
          const made = (await mkdir!(...([path, options] as never[]))) as string | undefined;
          if (made !== undefined && disk.#has(path)) disk.effects.push({ kind: 'folder', path });
          return made;
        }),
      rename: (from: string, to: string) =>
        disk.#call('rename', from, async () => {
          await rename!(...([from, to] as never[]));
          if (!disk.#has(from)) return;
          disk.effects.push({ kind: 'rename', from, to });
          disk.#files.set(to, disk.#files.get(from) as number);
          disk.#files.delete(from);
        }),
      rm: (path: string, options: never) =>
        disk.#call('rm', path, async () => {
          await rm!(...([path, options] as never[]));
          if (disk.#files.delete(path)) disk.effects.push({ kind: 'remove', path });
        }),
      readdir: (path: string, options: never) =>
        disk.#call('readdir', path, () => readdir!(...([path, options] as never[]))),
      readFile: (path: string, options: never) =>
        disk.#call('readFile', path, () => readFile!(...([path, options] as never[]))),
    });
    syncBuiltinESMExports();
    return disk;
  }

  uninstall(): void {
    Object.assign(fs, this.#real);
    syncBuiltinESMExports();
  }

  #has(path: unknown): boolean {
    return typeof path === 'string' && (path === this.#root || path.startsWith(this.#root + sep));
  }

  async #call<T>(name: string, path: unknown, act: () => Promise<T>, half?: () => Promise<T>): Promise<T> {
    if (!this.#has(path)) return act();
    this.calls += 1;
    const { fault } = this;
    const isDue = fault !== undefined && this.calls >= fault.at && this.calls <= fault.at + fault.calls;
    if (!isDue || (fault.code === 'ENOSPC' && !grows.has(name))) return act();
    this.struck += 1;
    if (fault.done === 'half' && half !== undefined && this.struck === 1) return half();
    if (fault.done === 'all' && name !== 'open') await act();
    throw Object.assign(new Error(`${fault.code}: a fault of the sweep, ${name} '${String(path)}'`), {
      code: fault.code,
    });
  }

  #wrapped(handle: FileHandle, path: string, flags: string): FileHandle {
    if (flags === 'r') return this.#watching(handle, path, undefined);
    let file = this.#files.get(path);
    if (file === undefined) {
      this.#files.set(path, (file = this.#next++));
      this.effects.push({ kind: 'create', path, file });
    } else this.effects.push({ kind: 'truncate', file, size: 0 });
    return this.#watching(handle, path, file);
  }

  /** @param file undefined for a file that is only read, or a folder */
  #watching(handle: FileHandle, path: string, file: number | undefined): FileHandle {
    const { effects } = this;
    // Like Node's, it continues where the previous write ended.
    let position = 0;
    const writeOn = (bytes: Buffer) => {
      const at = position;
      position += bytes.length;
      return written('writeFile', bytes, at);
    };
    const write = async (bytes: Buffer, at: number) => {
      await handle.write(bytes, 0, bytes.length, at);
      effects.push({ kind: 'write', file: file as number, at, bytes: Buffer.from(bytes) });
      return { bytesWritten: bytes.length };
    };
    const written = (name: string, bytes: Buffer, at: number) =>
      this.#call<unknown>(
        name,
        path,
        () => write(bytes, at),
        name === 'writeFile' ? undefined : () => write(bytes.subarray(0, Math.ceil(bytes.length / 2)), at),
      );
    const sync = (name: 'sync' | 'datasync') =>
      this.#call(name, path, async () => {
        await handle[name]();
        effects.push(file === undefined ? { kind: 'sync-folder', path } : { kind: 'sync', file });
      });
    const instead: Record<string, Call> = {
      writev: (parts: readonly Uint8Array[], at: number) => written('writev', Buffer.concat(parts), at),
      writeFile: (content: string | Uint8Array) => writeOn(Buffer.from(content as string)),
      sync: () => sync('sync'),
      datasync: () => sync('datasync'),
      truncate: (size: number) =>
        this.#call('truncate', path, async () => {
          await handle.truncate(size);
          effects.push({ kind: 'truncate', file: file as number, size });
        }),
      read: (...given: never[]) => this.#call('read', path, () => (handle.read as Call)(...given)),
    };
    return new Proxy(handle, {
      get(target, key) {
        if (typeof key === 'string' && Object.hasOwn(instead, key)) return instead[key];
        const value = Reflect.get(target, key) as unknown;
        return typeof value === 'function' ? (value as Call).bind(target) : value;
      },
    });
  }
}
