import type { Duplex } from 'node:stream';
import { AbortError, ConnectionClosedError, FramingError, KeepaliveError, LibvirtError } from '../errors.js';
import { FrameReader } from '../framing.js';
import type { CallOptions } from '../types.js';
import { XdrReader } from '../xdr/reader.js';
import { XdrWriter } from '../xdr/writer.js';
import { Keepalive, type KeepaliveOptions } from './keepalive.js';
import {
  KEEPALIVE_PROGRAM,
  KeepaliveProcedure,
  MessageStatus,
  MessageType,
  type MessageHeader,
  PROTOCOL_VERSION,
  readHeader,
  REMOTE_PROGRAM,
  writeFrame,
  writeKeepalive,
} from './message.js';
import { PendingCalls } from './pending-calls.js';
import type { Procedure } from './procedure.js';
import { readRemoteError } from './remote-error.js';
import { checkTimeout } from './timeout.js';

const CLOSE_TIMEOUT = 2_000;

/** Reads an event's body. */
export type EventHandler = (reader: XdrReader) => void;

/**
 * Calls over one transport: pipelined, answered in any order. The transport belongs to this client alone, and is
 * destroyed if anything about it or its data is wrong.
 */
export class RpcClient {
  /** Resolves when the transport has ended: with the reason, or undefined after `close`. Never rejects. */
  readonly closed: Promise<Error | undefined>;

  readonly #transport: Duplex;
  readonly #peer: string;
  readonly #callTimeout: number;
  readonly #reader = new XdrReader();
  readonly #writer = new XdrWriter();
  readonly #frames = new FrameReader((buffer, start, end) => this.#onFrame(buffer, start, end));
  readonly #pending = new PendingCalls();
  readonly #events = new Map<number, EventHandler>();
  #keepalive: Keepalive | undefined;
  #serial = 0;
  #flushing = false;
  #closing: Promise<void> | undefined;
  #ended = false;
  #reason: Error | undefined;

  /** @param peer the address, for messages */
  constructor(transport: Duplex, peer: string, callTimeout: number) {
    this.#transport = transport;
    this.#peer = peer;
    this.#callTimeout = checkTimeout(callTimeout);
    transport.on('data', (chunk: Buffer) => this.#onData(chunk));
    transport.on('end', () => {
      const where = this.#frames.atBoundary ? '' : ' in the midst of a message';
      this.#end(new ConnectionClosedError(`libvirtd at ${peer} closed the connection${where}`));
    });
    transport.on('error', (error) => {
      this.#end(new ConnectionClosedError(`connection to ${peer}: ${error.message}`, error));
    });
    this.closed = new Promise((resolve) => {
      transport.once('close', () => {
        this.#end(new ConnectionClosedError(`the connection to ${peer} was lost`));
        resolve(this.#reason);
      });
    });
  }

  /** Abandoned calls that the daemon has not answered yet: each occupies one of its slots. */
  get abandonedCalls(): number {
    return this.#pending.abandoned;
  }

  get pendingCalls(): number {
    return this.#pending.size;
  }

  /**
   * @throws LibvirtError, TimeoutError, AbortError, ConnectionClosedError, or ArgumentError, with which
   *   nothing was sent; all of them as rejections
   */
  call<Args, Result>(procedure: Procedure<Args, Result>, args: Args, options: CallOptions = {}): Promise<Result> {
    if (this.#closing !== undefined || this.#ended) {
      return Promise.reject(closedDuring(procedure.name, this.#peer, this.#reason));
    }
    return this.#send(procedure, args, options);
  }

  /** Handles events of that number. An event without a handler closes the connection: it was not requested. */
  onEvent(procedure: number, handler: EventHandler): void {
    this.#events.set(procedure, handler);
  }

  /** Starts to check for a dead peer. */
  startKeepalive(options: KeepaliveOptions): void {
    const keepalive = new Keepalive(
      options,
      () => this.#sendKeepalive(KeepaliveProcedure.ping),
      () =>
        this.#end(
          new KeepaliveError(
            `libvirtd at ${this.#peer} answered none of ${keepalive.count} keepalive requests,` +
              ` ${keepalive.interval} ms apart`,
          ),
        ),
    );
    this.#keepalive = keepalive;
  }

  /**
   * Rejects pending calls, sends `farewell`, and destroys the transport. Resolves when no handle is left; later calls
   * get the same promise.
   */
  close(farewell?: Procedure<void, void>): Promise<void> {
    this.#closing ??= this.#close(farewell);
    return this.#closing;
  }

  async #close(farewell: Procedure<void, void> | undefined): Promise<void> {
    if (!this.#ended) {
      this.#pending.rejectAll((call) => closedDuring(call.procedure.name, this.#peer, undefined));
      if (farewell !== undefined) {
        // A daemon that does not answer must not block closing: the end of the socket has the same effect.
        await this.#send(farewell, undefined, { timeout: CLOSE_TIMEOUT }).catch(() => undefined);
      }
      this.#end(undefined);
    }
    await this.closed;
  }

  #send<Args, Result>(procedure: Procedure<Args, Result>, args: Args, options: CallOptions): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const { signal } = options;
      const timeout = options.timeout === undefined ? this.#callTimeout : checkTimeout(options.timeout);
      if (signal?.aborted) throw new AbortError(procedure.name, Promise.resolve(), signal.reason);
      const serial = this.#nextSerial();
      writeFrame(
        this.#writer,
        {
          program: REMOTE_PROGRAM,
          version: PROTOCOL_VERSION,
          procedure: procedure.number,
          type: MessageType.call,
          serial,
          status: MessageStatus.ok,
        },
        (writer) => procedure.encode(writer, args),
      );
      this.#pending.add(
        serial,
        procedure as Procedure<never, unknown>,
        signal === undefined ? { timeout } : { timeout, signal },
        resolve as (result: unknown) => void,
        reject,
      );
      this.#scheduleFlush();
    });
  }

  #nextSerial(): number {
    this.#serial = (this.#serial + 1) >>> 0;
    return this.#serial;
  }

  /** All requests of one tick leave in one write. */
  #scheduleFlush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(() => {
      this.#flushing = false;
      if (!this.#ended) this.#transport.write(this.#writer.take());
    });
  }

  #sendKeepalive(procedure: number): void {
    writeKeepalive(this.#writer, procedure);
    this.#scheduleFlush();
  }

  #onData(chunk: Buffer): void {
    if (this.#ended) return;
    this.#keepalive?.heard();
    try {
      this.#frames.push(chunk);
    } catch (error) {
      this.#end(error instanceof FramingError ? error : new FramingError((error as Error).message, error));
    }
  }

  #onFrame(buffer: Buffer, start: number, end: number): void {
    if (this.#ended) return;
    const reader = this.#reader;
    reader.reset(buffer, start, end);
    const header = readHeader(reader);
    if (header.version !== PROTOCOL_VERSION) {
      throw new FramingError(`version ${header.version} of program 0x${header.program.toString(16)}`);
    }
    if (header.program === REMOTE_PROGRAM) {
      if (header.type === MessageType.reply) return this.#onReply(header, reader);
      if (header.type === MessageType.event) return this.#onEvent(header, reader);
      throw new FramingError(`a message of type ${header.type}, which was not asked for`);
    }
    if (header.program === KEEPALIVE_PROGRAM) return this.#onKeepalive(header);
    throw new FramingError(`unknown program 0x${header.program.toString(16)}`);
  }

  #onReply(header: MessageHeader, reader: XdrReader): void {
    const call = this.#pending.take(header.serial);
    if (call === undefined) throw new FramingError(`an answer to call ${header.serial}, which was never sent`);
    const { procedure } = call;
    try {
      if (header.procedure !== procedure.number) throw new Error(`it says to be of procedure ${header.procedure}`);
      if (call.abandoned !== undefined) return;
      if (header.status === MessageStatus.error) {
        const error = readRemoteError(reader);
        reader.finish();
        call.reject(new LibvirtError(procedure.name, error));
      } else if (header.status === MessageStatus.ok) {
        const result = procedure.decode(reader);
        reader.finish();
        call.resolve(result);
      } else {
        throw new Error(`its status is ${header.status}`);
      }
    } catch (cause) {
      const error = new FramingError(`the answer to ${procedure.name}: ${(cause as Error).message}`, cause);
      call.reject(closedDuring(procedure.name, this.#peer, error));
      throw error;
    }
  }

  #onEvent(header: MessageHeader, reader: XdrReader): void {
    const handler = this.#events.get(header.procedure);
    if (handler === undefined) throw new FramingError(`event ${header.procedure}, which was not asked for`);
    handler(reader);
  }

  #onKeepalive(header: MessageHeader): void {
    if (header.type !== MessageType.event) throw new FramingError(`a keepalive message of type ${header.type}`);
    if (header.procedure === KeepaliveProcedure.ping) this.#sendKeepalive(KeepaliveProcedure.pong);
  }

  /** The only place where a connection ends, for whatever reason; the first reason counts. */
  #end(reason: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reason = reason;
    this.#keepalive?.stop();
    this.#pending.rejectAll((call) => closedDuring(call.procedure.name, this.#peer, reason));
    this.#pending.clear();
    this.#transport.destroy();
  }
}

function closedDuring(procedure: string, peer: string, reason: Error | undefined): ConnectionClosedError {
  const why = reason === undefined ? 'it was closed by this client' : reason.message;
  return new ConnectionClosedError(`${procedure}: no connection to libvirtd at ${peer}: ${why}`, reason);
}
