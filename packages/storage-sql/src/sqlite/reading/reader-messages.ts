import type { Files } from '../files.js';
import type { Table } from '../table.js';

/** The `workerData` of the reading thread: the path, and its `newCall`. */
export interface ReaderData {
  readonly path: string;
  readonly call: Int32Array;
}

/** A message to the reading thread, sent one after another; each except `end` has an answer. */
export type ReaderRequest = ReaderQuestion | { readonly kind: 'end' };

export type ReaderQuestion =
  /** Opens the file that is at the path now. The answer is its {@link Files}. */
  | { readonly kind: 'open' }
  /** Queries these files and no others. The answer is the rows. */
  | {
      readonly kind: 'query';
      readonly files: Files;
      readonly text: string;
      readonly parameters: readonly unknown[];
    };

export type ReaderResult = Files | Table;
