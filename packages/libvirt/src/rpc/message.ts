import { HEADER_BYTES, LENGTH_BYTES, FRAME_MAX } from '../framing.js';
import { ArgumentError } from '../errors.js';
import type { XdrReader } from '../xdr/reader.js';
import type { XdrWriter } from '../xdr/writer.js';

export const REMOTE_PROGRAM = 0x2000_8086;
export const KEEPALIVE_PROGRAM = 0x6b65_6570;
/** The version of both programs. */
export const PROTOCOL_VERSION = 1;

export const KeepaliveProcedure = { ping: 1, pong: 2 } as const;

/** `virNetMessageType`. */
export const MessageType = { call: 0, reply: 1, event: 2, stream: 3 } as const;

/** `virNetMessageStatus`. */
export const MessageStatus = { ok: 0, error: 1, continue: 2 } as const;

/** `virNetMessageHeader`. */
export interface MessageHeader {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
}

export function readHeader(reader: XdrReader): MessageHeader {
  return {
    program: reader.uint32(),
    version: reader.uint32(),
    procedure: reader.int32(),
    type: reader.int32(),
    serial: reader.uint32(),
    status: reader.int32(),
  };
}

/** Writes a whole frame; what `body` throws leaves the writer as it was. */
export function writeFrame(writer: XdrWriter, header: MessageHeader, body?: (writer: XdrWriter) => void): void {
  const start = writer.position;
  try {
    writer.uint32(LENGTH_BYTES + HEADER_BYTES);
    writer.uint32(header.program);
    writer.uint32(header.version);
    writer.int32(header.procedure);
    writer.int32(header.type);
    writer.uint32(header.serial);
    writer.int32(header.status);
    if (body === undefined) return;
    body(writer);
    const length = writer.position - start;
    if (length > FRAME_MAX)
      throw new ArgumentError(`a message of ${length} bytes exceeds libvirt's limit of ${FRAME_MAX}`);
    writer.patchUint32(start, length);
  } catch (error) {
    writer.rollback(start);
    throw error;
  }
}

/** A keepalive request or answer: a header alone. */
export function writeKeepalive(writer: XdrWriter, procedure: number): void {
  writeFrame(writer, {
    program: KEEPALIVE_PROGRAM,
    version: PROTOCOL_VERSION,
    procedure,
    type: MessageType.event,
    serial: 0,
    status: MessageStatus.ok,
  });
}
