import type { XdrReader } from '../xdr/reader.js';

/** The part of `virNetMessageError` (virnetprotocol.x) that callers need. */
export interface RemoteError {
  readonly libvirtCode: number;
  readonly libvirtDomain: number;
  readonly level: number;
  readonly message: string;
}

export function readRemoteError(reader: XdrReader): RemoteError {
  const libvirtCode = reader.int32();
  const libvirtDomain = reader.int32();
  const message = reader.optional(readString) ?? `libvirt error ${libvirtCode}, without a message`;
  const level = reader.int32();
  reader.optional(skipDomain);
  for (let string = 0; string < 3; string += 1) reader.optional(readString);
  reader.int32();
  reader.int32();
  reader.optional(skipNetwork);
  return { libvirtCode, libvirtDomain, level, message };
}

const readString = (reader: XdrReader): string => reader.string();

function skipDomain(reader: XdrReader): void {
  skipNetwork(reader);
  reader.int32();
}

function skipNetwork(reader: XdrReader): void {
  reader.string();
  reader.opaque(16);
}
