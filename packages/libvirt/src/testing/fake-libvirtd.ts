import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { writeDomain } from '../procedures/domain-ref.js';
import { deviceAddedEvent, deviceRemovedEvent, lifecycleEvent } from '../procedures/events.js';
import type { DeviceEvent, LifecycleEvent } from '../types.js';
import type { XdrWriter } from '../xdr/writer.js';
import type { ProcedureName } from './codec.js';
import { FakeClient, type ReceivedCall } from './fake-client.js';
import { defaultHandlers, type FakeDomain, type Handler, type Handlers } from './fake-domain.js';

/**
 * A libvirt daemon for tests, scripted call by call: it answers from `domains`, or as `handle` says, speaks
 * keepalive, sends events, and misbehaves on request.
 *
 * ```ts
 * const daemon = await FakeLibvirtd.listen([{ name: 'a', uuid, id: 1, stats: { 'cpu.time': 1n } }]);
 * daemon.handle('connectGetAllDomainStats', () => new Promise(() => {})); // hangs
 * const connection = await connect(daemon.uri);
 * ```
 */
export class FakeLibvirtd {
  /** The domains that it reports; may be changed at any time. */
  domains: FakeDomain[];
  /** Every call received, oldest first. */
  readonly calls: ReceivedCall[] = [];

  readonly #clients = new Set<FakeClient>();
  readonly #handlers: Handlers;
  #server: Server | undefined;
  #directory: string | undefined;

  /** Without a socket: connect transports to it by `serve`, or see `listen`. */
  constructor(domains: readonly FakeDomain[] = []) {
    this.domains = [...domains];
    this.#handlers = defaultHandlers(
      () => this.domains,
      () => 'test:///default',
    );
  }

  /** Starts one on a new unix socket. */
  static async listen(domains: readonly FakeDomain[] = []): Promise<FakeLibvirtd> {
    const daemon = new FakeLibvirtd(domains);
    daemon.#directory = await mkdtemp(join(tmpdir(), 'fake-libvirtd-'));
    await daemon.start();
    return daemon;
  }

  /** The socket's path. */
  get socket(): string {
    if (this.#directory === undefined)
      throw new Error('this fake daemon has no socket: make it by FakeLibvirtd.listen');
    return join(this.#directory, 'libvirt-sock-ro');
  }

  /** What to `connect` to. */
  get uri(): string {
    return `test+unix:///default?socket=${encodeURIComponent(this.socket)}`;
  }

  /** The connections open now, oldest first. */
  get clients(): readonly FakeClient[] {
    return [...this.#clients];
  }

  /** Speaks the protocol over a transport that is connected already. */
  serve(transport: Duplex): FakeClient {
    const client = new FakeClient(
      transport,
      () => this.#handlers,
      (call) => this.calls.push(call),
    );
    this.#clients.add(client);
    transport.once('close', () => this.#clients.delete(client));
    return client;
  }

  /**
   * Answers a kind of call by `handler` from now on: with its result, with a `Fault` that it throws, late
   * when it promises, never when its promise never settles.
   *
   * @returns what answered that call before, to be put back
   */
  handle<Name extends ProcedureName>(name: Name, handler: Handler<Name>): Handler<Name> {
    const before = this.#handlers[name] as Handler<Name>;
    (this.#handlers as Record<Name, Handler<Name>>)[name] = handler;
    return before;
  }

  emitLifecycle({ domain, event, detail }: LifecycleEvent): void {
    this.#emit(lifecycleEvent, (writer) => {
      writeDomain(writer, domain);
      writer.int32(event);
      writer.int32(detail);
    });
  }

  emitDeviceAdded({ domain, device }: DeviceEvent): void {
    this.#emit(deviceAddedEvent, (writer) => {
      writeDomain(writer, domain);
      writer.string(device);
    });
  }

  emitDeviceRemoved({ domain, device }: DeviceEvent): void {
    this.#emit(deviceRemovedEvent, (writer) => {
      writeDomain(writer, domain);
      writer.string(device);
    });
  }

  /** Ends every connection, as a daemon that dies does; its socket stays open to new ones. */
  dropConnections(): void {
    for (const client of this.#clients) client.drop();
  }

  /** Listens again after `stop`, at the same path. */
  async start(): Promise<void> {
    this.#server = createServer((socket) => this.serve(socket));
    this.#server.listen(this.socket);
    await once(this.#server, 'listening');
  }

  /** Ends every connection and listens no more, as a daemon that is stopped. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.dropConnections();
    if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** `stop`, and removes the socket's folder. */
  async close(): Promise<void> {
    await this.stop();
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
  }

  #emit(kind: { id: number; procedure: number }, body: (writer: XdrWriter) => void): void {
    for (const client of this.#clients) client.sendEvent(kind, body);
  }
}
