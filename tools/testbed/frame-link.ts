import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/**
 * How a connection is cut at a frame: before that is passed on; after, so that its answer is lost; or nothing is passed
 * on any more, and both sockets stay open.
 */
export const cutKinds = ['before', 'after', 'silent'] as const;
export type CutKind = (typeof cutKinds)[number];

/** AMQP 0-9-1: type, channel, size; the payload; an end mark. */
const headLength = 7;
const heartbeat = 8;
/** What a client begins with is no frame. */
const protocolHeaderLength = 8;

/** The two connections of which one is made. */
interface Pair {
  readonly sockets: readonly [Socket, Socket];
  isCut: boolean;
}

/** The way from a program to its broker, which is cut once: at the k-th AMQP frame, whichever connection and side it is of. */
export class FrameLink {
  readonly #server: Server;
  readonly #service: number;
  readonly #pairs = new Set<Pair>();
  #frames = 0;
  #cutAt = Infinity;
  #kind: CutKind = 'before';
  #onCut: () => void = () => undefined;

  private constructor(server: Server, service: number) {
    this.#server = server;
    this.#service = service;
    server.on('connection', (client) => this.#join(client));
  }

  /** @param service the TCP port of loopback that it leads to */
  static async open(service: number): Promise<FrameLink> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FrameLink(server, service);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How many frames were seen, heartbeats left out. */
  get frames(): number {
    return this.#frames;
  }

  /** @param at the first frame is 1 */
  cutAt(at: number, kind: CutKind, onCut: () => void): void {
    this.#cutAt = at;
    this.#kind = kind;
    this.#onCut = onCut;
  }

  async close(): Promise<void> {
    for (const { sockets } of this.#pairs) for (const socket of sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket): void {
    const service = connect({ port: this.#service, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const pair: Pair = { sockets: [client, service], isCut: false };
    this.#pairs.add(pair);
    this.#carry(pair, client, service, protocolHeaderLength);
    this.#carry(pair, service, client, 0);
  }

  /** @param preamble so many bytes come before the first frame, and count as one */
  #carry(pair: Pair, from: Socket, to: Socket, preamble: number): void {
    let rest: Buffer = Buffer.alloc(0);
    let before = preamble;
    from.on('data', (data) => {
      rest = Buffer.concat([rest, data]);
      while (!pair.isCut) {
        const length = before > 0 ? before : lengthOf(rest);
        if (length === undefined || rest.length < length) return;
        const frame = rest.subarray(0, length);
        rest = rest.subarray(length);
        const isCounted = before > 0 || frame[0] !== heartbeat;
        before = 0;
        if (isCounted && ++this.#frames === this.#cutAt) return this.#cut(pair, from, to, frame);
        to.write(frame);
      }
    });
    const pass = (act: () => void) => () => {
      if (!pair.isCut) act();
    };
    from.on(
      'end',
      pass(() => to.end()),
    );
    from.on(
      'error',
      pass(() => to.destroy()),
    );
    from.on(
      'close',
      pass(() => to.destroy()),
    );
  }

  #cut(pair: Pair, from: Socket, to: Socket, frame: Buffer): void {
    pair.isCut = true;
    switch (this.#kind) {
      case 'before':
        from.resetAndDestroy();
        to.resetAndDestroy();
        break;
      case 'after':
        from.resetAndDestroy();
        // A reset might overtake it.
        to.end(frame);
        break;
      case 'silent':
        from.pause();
        to.pause();
    }
    this.#onCut();
  }
}

function lengthOf(bytes: Buffer): number | undefined {
  return bytes.length < headLength ? undefined : headLength + bytes.readUInt32BE(3) + 1;
}
