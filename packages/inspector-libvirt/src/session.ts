import { readFile } from 'node:fs/promises';

import { Backoff } from '@nephoscope/async';
import { NephoscopeError, describeError } from '@nephoscope/core';
import type { Clock, Health, Logger } from '@nephoscope/core';
import { connect, isConnectionClosed, isUnsupported, withoutPassword } from '@nephoscope/libvirt';
import type { CallOptions, Connection } from '@nephoscope/libvirt';

import { cardNumber } from './card-number.js';
import { Descriptions } from './descriptions.js';
import { DeviceStats } from './device-stats.js';

/** An open connection and the state that is valid only with it. */
export interface Session {
  readonly connection: Connection;
  readonly descriptions: Descriptions;
  readonly devices: DeviceStats;
  /** Whether the driver supports the bulk call and NOWAIT; true until it refuses. */
  readonly bulk: { supported: boolean; nowait: boolean };
  /** QEMU's driver reports disks, cards and vCPUs in bulk; with other drivers each device is queried. */
  readonly reportsInBulk: boolean;
  /** Distinguishes this boot of this host from all others. */
  readonly boot: string;
}

/** Why a connection with hanging calls is given up. The cause is found by the next connection. */
export function notAnswering({ connection }: Session): Error {
  return new Error(
    `${connection.pendingCalls} calls are not answered, by instances that hang or by libvirtd itself`,
  );
}

const connectTimeout = 5_000;
// Finds a daemon that has hung for a minute between readings, whose calls have their own deadlines. Each request wakes
// the agent twice.
const keepalive = { interval: 30_000, count: 1 };
const firstPause = 250;
const longestPause = 30_000;
// Time for a restarted daemon to come back, ms.
const timeLimit = 3_000;

/** Keeps a connection to libvirt open and reopens it with growing pauses whenever it is lost. */
export class Sessions {
  readonly #uri: string;
  /** For texts. */
  readonly #shown: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #prepare: (connection: Connection, options: CallOptions) => Promise<void>;
  readonly #stopping = new AbortController();
  #open: Session | undefined;
  #loggedNoEvents = false;
  /** The last connection failure. */
  #failure: unknown = new Error('the inspector is not started');
  /**
   * The latest attempt to connect, with the pauses between its tries; rejects when the first fails, or when stopping.
   */
  #connecting: Promise<unknown> | undefined;
  /** Ends the pause between two tries. */
  #hurry = new AbortController();
  #closing: Promise<unknown> = Promise.resolve();
  #stopped: Promise<void> | undefined;

  /** @param prepare runs on each connection before it is used */
  constructor(
    uri: string,
    clock: Clock,
    logger: Logger,
    prepare: (connection: Connection, options: CallOptions) => Promise<void> = () => Promise.resolve(),
  ) {
    this.#uri = uri;
    this.#shown = withoutPassword(uri);
    this.#clock = clock;
    this.#logger = logger;
    this.#prepare = prepare;
  }

  /** The connection, if it is open. */
  get current(): Session | undefined {
    return this.#open;
  }

  /** @throws INSPECTOR_UNAVAILABLE when libvirt cannot be reached */
  async start(signal: AbortSignal): Promise<void> {
    const connecting = this.#connect(AbortSignal.any([signal, this.#stopping.signal]));
    this.#connecting = connecting;
    await connecting;
  }

  /**
   * The connection. While it is being reopened, waits some seconds for it.
   *
   * @throws INSPECTOR_UNAVAILABLE if it is not open by then
   */
  async get(signal: AbortSignal): Promise<Session> {
    if (this.#open === undefined) {
      this.hurry();
      const enough = new AbortController();
      const waited = this.#clock.sleep(timeLimit, AbortSignal.any([signal, this.#stopping.signal, enough.signal]));
      await Promise.race([this.#connecting, waited]).catch(() => undefined);
      enough.abort();
      await waited.catch(() => undefined);
    }
    if (this.#open === undefined) throw this.#unavailable();
    return this.#open;
  }

  /** Ends the pause before the next attempt to connect, because the daemon was found to be running. */
  hurry(): void {
    this.#hurry.abort();
  }

  /**
   * Runs the work on the connection, and if that is lost meanwhile, for example because the daemon restarts, once
   * more on another.
   */
  async use<Result>(work: (session: Session) => Promise<Result>, signal: AbortSignal): Promise<Result> {
    for (let again = false; ; again = true) {
      const session = await this.get(signal);
      try {
        return await work(session);
      } catch (error) {
        if (!isConnectionClosed(error)) throw error;
        this.#lost(session, error);
        if (again) throw error;
      }
    }
  }

  /** Closes this connection and opens another. */
  drop(session: Session, reason: Error): void {
    this.#lost(session, reason);
    // Closing takes a while if the daemon does not answer: only `stop` waits for it.
    this.#closing = Promise.all([this.#closing, session.connection.close()]);
  }

  health(): Health {
    return this.#open === undefined ? { ok: false, reason: describeError(this.#unavailable()) } : { ok: true };
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#failure = new Error('the inspector is stopped');
    this.#stopping.abort(new NephoscopeError('STOPPED', 'the inspector is stopping'));
    await this.#connecting?.catch(() => undefined);
    const open = this.#open;
    this.#open = undefined;
    await Promise.all([open?.connection.close(), this.#closing]);
  }

  async #connect(signal: AbortSignal): Promise<void> {
    let connection: Connection | undefined;
    try {
      connection = await connect(this.#uri, { connectTimeout, keepalive, signal });
      const number = isLocal(this.#uri) ? cardNumber : () => Promise.resolve(undefined);
      const descriptions = new Descriptions(connection, this.#logger, number);
      const options = { timeout: connectTimeout, signal };
      const [uri, boot] = await Promise.all([
        connection.uri(options),
        bootOf(this.#uri, connection, options),
        descriptions.listen(options).catch((error: unknown) => this.#withoutEvents(error)),
        this.#prepare(connection, options),
      ]);
      signal.throwIfAborted();
      const devices = new DeviceStats(connection);
      const bulk = { supported: true, nowait: true };
      const reportsInBulk = uri.startsWith('qemu:');
      const session: Session = { connection, descriptions, devices, bulk, reportsInBulk, boot };
      this.#open = session;
      void connection.closed.then((reason) => this.#lost(session, reason));
    } catch (error) {
      await connection?.close();
      if (!this.#stopping.signal.aborted) this.#failure = error;
      throw this.#unavailable();
    }
  }

  #withoutEvents(error: unknown): void {
    if (!isUnsupported(error)) throw error;
    if (!this.#loggedNoEvents)
      this.#logger.warn(
        { err: error, uri: this.#shown },
        `libvirt (${this.#shown}) tells no events here: changes are found by reading lists and XML in each cycle`,
      );
    this.#loggedNoEvents = true;
  }

  #lost(session: Session, reason: unknown): void {
    if (this.#open !== session || this.#stopping.signal.aborted) return;
    this.#open = undefined;
    this.#failure = reason;
    this.#logger.warn(
      { err: reason, uri: this.#shown },
      `libvirt (${this.#shown}): ${describeError(reason)}; connecting again`,
    );
    this.#connecting = this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#stopping;
    const backoff = new Backoff(firstPause, longestPause);
    for (;;) {
      const pause = backoff.next();
      try {
        await this.#connect(signal);
        this.#logger.info({ uri: this.#shown }, `libvirt (${this.#shown}): connected again`);
        return;
      } catch (error) {
        signal.throwIfAborted();
        this.#logger.warn(
          { err: error, uri: this.#shown },
          `${describeError(error)}; next attempt in ${pause / 1_000} s`,
        );
      }
      this.#hurry = new AbortController();
      await this.#clock.sleep(pause, AbortSignal.any([signal, this.#hurry.signal])).catch(() => undefined);
    }
  }

  #unavailable(): NephoscopeError {
    return new NephoscopeError('INSPECTOR_UNAVAILABLE', `libvirt (${this.#shown}) cannot be read`, {
      cause: this.#failure,
    });
  }
}

/**
 * The kernel's own id of this boot if libvirt is on this machine. For a remote machine only the host's UUID is known:
 * a run that gets the number of an earlier one is then detected by falling volumes alone.
 */
async function bootOf(uri: string, connection: Connection, options: CallOptions): Promise<string> {
  if (isLocal(uri)) return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const uuid = /<uuid>([0-9a-f-]{36})<\/uuid>/.exec(await connection.capabilities(options))?.[1];
  return uuid ?? connection.hostname(options);
}

const isLocal = (uri: string): boolean => /^[^:]+:\/\/\//.test(uri);
