import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { Transform } from 'node:stream';

import type { LinkFault } from './fault-plan.js';

const longestDelay = 400;

/**
 * The path of TCP connections from one program to one service, through this process, where they can be disturbed in
 * every way that occurs in networks. Faults also apply to connections that are opened while they last.
 */
export class Link {
  readonly #server: Server;
  readonly #service: number;
  readonly #pairs = new Set<Pair>();
  #fault: LinkFault | undefined;
  #struck = 0;

  private constructor(server: Server, service: number) {
    this.#server = server;
    this.#service = service;
    server.on('connection', (client) => this.#join(client));
  }

  /** @param service the TCP port of loopback that it leads to */
  static async open(service: number): Promise<Link> {
    // The end of one direction says nothing about the other.
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Link(server, service);
  }

  /** The TCP port on loopback where it begins. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  begin(fault: LinkFault): void {
    this.#fault = fault;
    this.#struck = 0;
    for (const pair of this.#pairs) this.#strike(pair, fault);
  }

  /**
   * Ends the fault: held data are forwarded, and half-open connections closed, as by a router without their state.
   *
   * @returns how many connections were affected
   */
  end(): number {
    const fault = this.#fault;
    this.#fault = undefined;
    for (const pair of this.#pairs) {
      pair.delayed = false;
      if (fault === 'black hole') pair.resume();
      else if (fault !== 'delay') pair.reset();
    }
    return this.#struck;
  }

  async close(): Promise<void> {
    for (const pair of this.#pairs) pair.reset();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket): void {
    if (this.#fault === 'reset' || this.#fault === 'server left half-open') {
      this.#struck += 1;
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const service = connect({ port: this.#service, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const pair = new Pair(client, service);
    this.#pairs.add(pair);
    pair.onEnd(() => this.#pairs.delete(pair));
    if (this.#fault !== undefined) this.#strike(pair, this.#fault);
  }

  #strike(pair: Pair, fault: LinkFault): void {
    this.#struck += 1;
    switch (fault) {
      case 'reset':
        return pair.reset();
      case 'client left half-open':
        return pair.leave('client');
      case 'server left half-open':
        return pair.leave('service');
      case 'black hole':
        return pair.hold();
      case 'delay':
        pair.delayed = true;
    }
  }
}

/** The two connections of which one is made. */
class Pair {
  delayed = false;
  readonly #client: Socket;
  readonly #service: Socket;
  readonly #streams: readonly Transform[];
  #held: (() => void)[] | undefined;

  constructor(client: Socket, service: Socket) {
    this.#client = client;
    this.#service = service;
    this.#streams = [this.#way(client, service), this.#way(service, client)];
    for (const socket of [client, service]) {
      // A reset of one end resets the other, unless that must not notice it.
      socket.on('error', () => this.#resetUnlessLeft(socket));
      socket.on('close', () => this.#resetUnlessLeft(socket));
    }
  }

  onEnd(listener: () => void): void {
    let open = 2;
    for (const socket of [this.#client, this.#service])
      socket.once('close', () => {
        open -= 1;
        if (open === 0) listener();
      });
  }

  reset(): void {
    for (const socket of [this.#client, this.#service]) socket.resetAndDestroy();
    for (const stream of this.#streams) stream.destroy();
  }

  /** Resets one end; the other, which is named, is not notified and receives nothing any more. */
  leave(end: 'client' | 'service'): void {
    this.hold();
    (end === 'client' ? this.#service : this.#client).resetAndDestroy();
  }

  hold(): void {
    this.#held ??= [];
  }

  resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const pass of held) pass();
    for (const socket of [this.#client, this.#service]) if (socket.destroyed) this.#resetUnlessLeft(socket);
  }

  #resetUnlessLeft(socket: Socket): void {
    const other = socket === this.#client ? this.#service : this.#client;
    // An orderly end has passed through the stream before; the rest of the pair is useless.
    if (this.#held === undefined && !other.destroyed && !(socket.readableEnded && socket.writableFinished))
      other.resetAndDestroy();
  }

  /** In order, also when some of it is held up or late. */
  #way(from: Socket, to: Socket): Transform {
    const stream = new Transform({
      transform: (chunk, _encoding, done) => {
        const pass = () => done(null, chunk);
        if (this.#held !== undefined) this.#held.push(pass);
        else if (this.delayed) setTimeout(pass, 50 + Math.random() * (longestDelay - 50));
        else pass();
      },
    });
    stream.on('error', () => undefined);
    from.pipe(stream).pipe(to);
    return stream;
  }
}
