import { readFile } from 'node:fs/promises';

import { describeError, NephoscopeError } from '@nephoscope/core';
import type { Clock, Health, Logger } from '@nephoscope/core';
import { connect } from '@nephoscope/libvirt';
import type { Connection } from '@nephoscope/libvirt';

import { Descriptions } from './descriptions.js';

/** An open connection and what is known only as long as it lasts. */
export interface Session {
  readonly connection: Connection;
  readonly descriptions: Descriptions;
  /** QEMU's driver reports disks, cards and virtual CPUs in bulk; what it leaves out is busy, not unsupported. */
  readonly reportsInBulk: boolean;
  /** Tells this boot of this host from all others. */
  readonly boot: string;
}

const connectTimeout = 5_000;
const firstPause = 250;
const longestPause = 30_000;

/** Keeps a connection to libvirt open: made anew, with growing pauses, whenever it is lost. */
export class Sessions {
  readonly #uri: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #stopping = new AbortController();
  #open: Session | undefined;
  #failure: string | undefined = 'not connected yet';
  #reconnecting: Promise<void> | undefined;

  constructor(uri: string, clock: Clock, logger: Logger) {
    this.#uri = uri;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** @throws INSPECTOR_UNAVAILABLE when libvirt cannot be reached */
  async start(signal: AbortSignal): Promise<void> {
    await this.#connect(AbortSignal.any([signal, this.#stopping.signal]));
  }

  /** The connection, waiting for it while it is being made anew. */
  async get(signal: AbortSignal): Promise<Session> {
    for (let pause = 10; this.#open === undefined; pause = Math.min(pause * 2, 250)) {
      try {
        await this.#clock.sleep(pause, AbortSignal.any([signal, this.#stopping.signal]));
      } catch (error) {
        throw this.#unavailable(this.#failure, error);
      }
    }
    return this.#open;
  }

  /** Gives this connection up, as when its request slots are all taken by instances that hang. */
  async renew(session: Session): Promise<void> {
    if (this.#open === session) this.#lost(session, 'its request slots are taken by instances that do not answer');
    await session.connection.close();
  }

  health(): Health {
    return this.#failure === undefined ? { ok: true } : { ok: false, reason: this.#failure };
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new NephoscopeError('STOPPED', 'the inspector is stopping'));
    await this.#reconnecting;
    const open = this.#open;
    this.#open = undefined;
    await open?.connection.close();
  }

  async #connect(signal: AbortSignal): Promise<void> {
    let connection: Connection | undefined;
    try {
      connection = await connect(this.#uri, { connectTimeout, signal });
      const descriptions = new Descriptions(connection, this.#logger);
      const options = { timeout: connectTimeout, signal };
      const [uri, boot] = await Promise.all([connection.uri(options), bootOf(this.#uri, connection, options), descriptions.listen(options)]);
      signal.throwIfAborted();
      const session: Session = { connection, descriptions, reportsInBulk: uri.startsWith('qemu:'), boot };
      this.#open = session;
      this.#failure = undefined;
      void connection.closed.then((reason) => this.#lost(session, reason === undefined ? 'closed' : describeError(reason)));
    } catch (error) {
      await connection?.close();
      this.#failure = describeError(error);
      throw this.#unavailable(this.#failure, error);
    }
  }

  #lost(session: Session, reason: string): void {
    if (this.#open !== session || this.#stopping.signal.aborted) return;
    this.#open = undefined;
    this.#failure = `the connection to libvirt (${this.#uri}) was lost: ${reason}`;
    this.#logger.warn({ uri: this.#uri }, `${this.#failure}; connecting again`);
    this.#reconnecting = this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#stopping;
    for (let pause = firstPause; !signal.aborted; pause = Math.min(pause * 2, longestPause)) {
      try {
        await this.#connect(signal);
        this.#logger.info({ uri: this.#uri }, 'connected to libvirt again');
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#logger.warn({ err: error, uri: this.#uri }, `${describeError(error)}; the next try is in ${pause / 1_000} s`);
        await this.#clock.sleep(pause, signal).catch(() => undefined);
      }
    }
  }

  #unavailable(reason: string | undefined, cause: unknown): NephoscopeError {
    return new NephoscopeError('INSPECTOR_UNAVAILABLE', `libvirt (${this.#uri}) cannot be read: ${reason ?? describeError(cause)}`);
  }
}

/**
 * The kernel's own name for this boot where libvirt is on this machine. Of a machine that is far away only
 * the host's UUID is known: there a run that gets the number of an earlier one is told by falling volumes alone.
 */
async function bootOf(uri: string, connection: Connection, options: { readonly timeout: number; readonly signal: AbortSignal }): Promise<string> {
  const local = /^[^:]+:\/\/\//.test(uri);
  if (local) return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  return /<uuid>([0-9a-f-]{36})<\/uuid>/.exec(await connection.capabilities(options))?.[1] ?? (await connection.hostname(options));
}
