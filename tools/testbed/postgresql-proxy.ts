import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/**
 * What becomes of a message: it is lost with the connection; it arrives, and the answer is lost with the connection; or it
 * is lost, and nothing comes or goes on this connection any more, which stays open on both sides.
 */
export const cuts = ['before', 'after', 'silent'] as const;
export type Cut = (typeof cuts)[number];

/** Between a client without TLS and a PostgreSQL, it counts the messages of both and cuts a connection at one of them. */
export class PostgresqlProxy {
  #target: number;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #messages = 0;
  #fault: { readonly at: number; readonly cut: Cut } | undefined;
  #text: string | undefined;

  private constructor(target: number, server: Server) {
    this.#target = target;
    this.#server = server;
  }

  /** @param target the port of the server, on 127.0.0.1 */
  static async open(target: number): Promise<PostgresqlProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new PostgresqlProxy(target, server);
    server.on('connection', (client) => proxy.#link(client));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How many messages came, of both sides and on all connections. */
  get messages(): number {
    return this.#messages;
  }

  /** Whether the connection was not cut yet. */
  get isArmed(): boolean {
    return this.#fault !== undefined || this.#text !== undefined;
  }

  /** The URL with this as the server, without TLS. */
  url(server: string): string {
    const url = new URL(server);
    url.port = `${this.port}`;
    url.searchParams.set('sslmode', 'disable');
    return url.href;
  }

  /** Cuts at the message that is the `at`-th of all, from 1. */
  cutAt(at: number, cut: Cut): void {
    this.#fault = { at, cut };
  }

  /**
   * From now on it leads to another server, like an address that moves to the standby; connections to the previous
   * one are cut.
   */
  leadTo(target: number): void {
    this.#target = target;
    for (const link of this.#links) link.cut('before');
  }

  /** Is silent from the first message of a client that has the text. */
  silenceAt(text: string): void {
    this.#text = text;
  }

  /** From now on the connections that there are, are silent, and stay open. */
  silence(): void {
    for (const link of this.#links) link.cut('silent');
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    this.#server.close();
    for (const link of this.#links) link.destroy();
    await once(this.#server, 'close');
  }

  #link(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1');
    const link = new Link(client, server, (message, isClients) => this.#decide(message, isClients));
    this.#links.add(link);
    for (const socket of [client, server])
      socket.on('close', () => {
        if (client.destroyed && server.destroyed) this.#links.delete(link);
      });
  }

  #decide(message: Buffer, isClients: boolean): Cut | undefined {
    this.#messages++;
    if (isClients && this.#text !== undefined && message.includes(this.#text)) {
      this.#text = undefined;
      return 'silent';
    }
    if (this.#fault?.at !== this.#messages) return undefined;
    const { cut } = this.#fault;
    this.#fault = undefined;
    return cut;
  }
}

/** A connection of a client and one to the server. */
class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  /** Nothing is passed on any more. */
  #isCut = false;

  constructor(client: Socket, server: Socket, decide: (message: Buffer, isClients: boolean) => Cut | undefined) {
    this.#client = client;
    this.#server = server;
    const pass = (from: Socket, to: Socket, split: Splitter) => {
      from.setNoDelay(true).on('error', () => undefined);
      from.on('data', (data) => {
        for (const message of split(data)) {
          if (this.#isCut) return;
          const cut = decide(message, from === client);
          if (cut !== 'before' && cut !== 'silent') to.write(message);
          if (cut !== undefined) this.cut(cut);
        }
      });
      from.on('close', () => {
        if (!this.#isCut) to.end();
      });
    };
    pass(client, server, splitter(true));
    pass(server, client, splitter(false));
  }

  cut(cut: Cut): void {
    this.#isCut = true;
    if (cut === 'silent') return;
    this.#client.destroy();
    // What it received before.
    if (cut === 'after') this.#server.end();
    else this.#server.destroy();
  }

  destroy(): void {
    this.#isCut = true;
    this.#client.destroy();
    this.#server.destroy();
  }
}

type Splitter = (data: Buffer) => Generator<Buffer>;

/**
 * Of a stream the messages: a byte of its kind and its length without that byte; the first one of a client has no kind.
 * https://www.postgresql.org/docs/current/protocol-overview.html
 */
function splitter(isClients: boolean): Splitter {
  let rest = Buffer.alloc(0);
  let isFirst = isClients;
  return function* (data) {
    rest = Buffer.concat([rest, data]);
    for (;;) {
      const kind = isFirst ? 0 : 1;
      if (rest.length < kind + 4) return;
      const length = kind + rest.readInt32BE(kind);
      if (rest.length < length) return;
      const message = rest.subarray(0, length);
      rest = rest.subarray(length);
      isFirst = false;
      yield message;
    }
  };
}
