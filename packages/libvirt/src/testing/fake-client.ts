import type { Duplex } from 'node:stream';
import { FrameReader } from '../framing.js';
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
} from '../rpc/message.js';
import { XdrReader } from '../xdr/reader.js';
import { XdrWriter } from '../xdr/writer.js';
import { procedures, type ProcedureName, serverCodecs } from './codec.js';
import type { Handlers } from './fake-domain.js';
import { Fault, writeFault } from './fault.js';

const names = new Map(
  (Object.keys(procedures) as ProcedureName[]).map((name) => [procedures[name].number, name] as const),
);

/** A call as the fake daemon received it. */
export interface ReceivedCall {
  readonly name: ProcedureName;
  readonly args: unknown;
}

/** The daemon's end of one connection. */
export class FakeClient {
  readonly #transport: Duplex;
  readonly #reader = new XdrReader();
  readonly #writer = new XdrWriter(1024);
  /** Callback ids, by the number of the event's kind. */
  readonly #subscriptions = new Map<number, number>();
  readonly #handlers: () => Handlers;
  readonly #received: (call: ReceivedCall) => void;
  /** Keepalive answers received. */
  pongs = 0;

  constructor(transport: Duplex, handlers: () => Handlers, received: (call: ReceivedCall) => void) {
    this.#transport = transport;
    this.#handlers = handlers;
    this.#received = received;
    const frames = new FrameReader((buffer, start, end) => this.#onFrame(buffer, start, end));
    transport.on('data', (chunk: Buffer) => frames.push(chunk));
    // A client may leave at any time, also in the midst of an answer.
    transport.on('error', () => undefined);
  }

  /** Ends the connection as a daemon that dies does. */
  drop(): void {
    this.#transport.destroy();
  }

  /** Reads no more until `resume`: nothing is answered, keepalive requests included. */
  pause(): void {
    this.#transport.pause();
  }

  resume(): void {
    this.#transport.resume();
  }

  /** Sends bytes as they are, right or wrong. */
  sendRaw(bytes: Buffer): void {
    this.#transport.write(bytes);
  }

  /** Sends a keepalive request. */
  ping(): void {
    this.#sendKeepalive(KeepaliveProcedure.ping);
  }

  /** Sends an event, if the client registered for its kind. */
  sendEvent(kind: { id: number; procedure: number }, body: (writer: XdrWriter) => void): void {
    const callbackId = this.#subscriptions.get(kind.id);
    if (callbackId === undefined) return;
    this.#send(
      { procedure: kind.procedure, type: MessageType.event, serial: 0, status: MessageStatus.ok },
      (writer) => {
        writer.int32(callbackId);
        body(writer);
      },
    );
  }

  #onFrame(buffer: Buffer, start: number, end: number): void {
    this.#reader.reset(buffer, start, end);
    const header = readHeader(this.#reader);
    if (header.program === KEEPALIVE_PROGRAM) {
      if (header.procedure === KeepaliveProcedure.ping) this.#sendKeepalive(KeepaliveProcedure.pong);
      else this.pongs += 1;
      return;
    }
    const name = names.get(header.procedure);
    if (name === undefined) {
      const fault = new Fault(39, `unknown procedure: ${header.procedure}`, 7);
      this.#reply(header, MessageStatus.error, (writer) => writeFault(writer, fault));
      return;
    }
    const args: unknown = serverCodecs[name].readArgs(this.#reader);
    this.#reader.finish();
    this.#received({ name, args });
    void this.#answer(header, name, args);
  }

  async #answer(header: MessageHeader, name: ProcedureName, args: unknown): Promise<void> {
    try {
      // The table's types tie a name to its arguments and its result; across a name that varies TypeScript
      // cannot follow them.
      const handler = this.#handlers()[name] as (args: unknown) => unknown;
      const result = await handler(args);
      if (name === 'eventRegister') this.#subscriptions.set(args as number, result as number);
      if (name === 'eventDeregister') this.#unsubscribe(args as number);
      const { writeResult } = serverCodecs[name] as { writeResult: (writer: XdrWriter, result: unknown) => void };
      this.#reply(header, MessageStatus.ok, (writer) => writeResult(writer, result));
    } catch (error) {
      const fault = error instanceof Fault ? error : new Fault(1, `internal error: ${String(error)}`);
      this.#reply(header, MessageStatus.error, (writer) => writeFault(writer, fault));
    }
  }

  #unsubscribe(callbackId: number): void {
    for (const [kind, id] of this.#subscriptions) {
      if (id === callbackId) this.#subscriptions.delete(kind);
    }
  }

  #reply({ procedure, serial }: MessageHeader, status: number, body: (writer: XdrWriter) => void): void {
    this.#send({ procedure, type: MessageType.reply, serial, status }, body);
  }

  #send(header: Omit<MessageHeader, 'program' | 'version'>, body: (writer: XdrWriter) => void): void {
    writeFrame(this.#writer, { ...header, program: REMOTE_PROGRAM, version: PROTOCOL_VERSION }, body);
    this.#flush();
  }

  #sendKeepalive(procedure: number): void {
    writeKeepalive(this.#writer, procedure);
    this.#flush();
  }

  #flush(): void {
    const bytes = this.#writer.take();
    if (!this.#transport.destroyed) this.#transport.write(bytes);
  }
}
