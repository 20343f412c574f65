import type { XdrReader } from '../xdr/reader.js';
import type { XdrWriter } from '../xdr/writer.js';

/** One call of the remote program: its number, and how its arguments and its result look on the wire. */
export interface Procedure<Args, Result> {
  /** libvirt's own name for it, e.g. `domain_get_info`. */
  readonly name: string;
  readonly number: number;
  readonly encode: (writer: XdrWriter, args: Args) => void;
  readonly decode: (reader: XdrReader) => Result;
}

export const noArguments = (): void => {};
export const noResult = (): void => {};
