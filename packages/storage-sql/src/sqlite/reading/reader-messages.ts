import type { Files } from '../files.js';

/** What the thread that reads is started with: the path, and its `newCall`. */
export interface ReaderData {
  readonly path: string;
  readonly call: Int32Array;
}

/** What the thread that reads is asked for, one after the other; each but the last has its answer. */
export type ReaderRequest = ReaderQuestion | { readonly kind: 'end' };

export type ReaderQuestion =
  /** Opens the file that the path leads to now. Its answer are the {@link Files}. */
  | { readonly kind: 'open' }
  /** Asks these files and no others. Its answer are the rows. */
  | {
      readonly kind: 'query';
      readonly files: Files;
      readonly text: string;
      readonly parameters: readonly unknown[];
    };

export type ReaderResult = Files | readonly unknown[];
