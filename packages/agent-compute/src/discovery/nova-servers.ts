import { isDeepStrictEqual } from 'node:util';

import { deadline } from '@nephoscope/async';
import { describeError, isTimestamp } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';
import type { Flavor } from '@nephoscope/core/instance';
import type { ListRequest, Session } from '@nephoscope/openstack';

import type { DiscoveryMetrics } from './discovery-metrics.js';
import { microversion, readFlavor, readServer } from './server.js';
import type { Server } from './server.js';

export interface NovaServersParts {
  readonly session: Pick<Session, 'list'>;
  /** The host's name in nova. */
  readonly host: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: DiscoveryMetrics;
}

const second = 1_000_000_000n;
/** Groups of meters may be due every few seconds; requests to nova are not more frequent than this. */
const pause = 60n * second;
/** Corrects what a listing of changes misses, such as an instance that was moved away. */
const fullListEvery = 3_600n * second;
/** Changes are requested from before the last listing, because clocks differ and changes may become visible late. */
const overlap = 300n * second;
/** For one listing with all its pages, ms. */
const timeLimit = 120_000;

const service = { type: 'compute' };

/** The servers of this host in all projects, as listed by nova. */
export class NovaServers {
  readonly #parts: NovaServersParts;
  readonly #stopped = new AbortController();
  /** By id; undefined for one that is in error or deleted. */
  #servers = new Map<string, Server | undefined>();
  #flavors = new Map<string, Flavor>();
  /** On the monotonic clock: the time of the last full listing, and of the last request. */
  #listedAt: bigint | undefined;
  #askedAt: bigint | undefined;
  /** On the wall clock: the start of the last complete listing. */
  #knownAt: bigint | undefined;
  #underWay: Promise<void> | undefined;
  #failed = false;
  #loggedTime = false;

  constructor(parts: NovaServersParts) {
    this.#parts = parts;
  }

  /** Whether the last request to nova succeeded. */
  get current(): boolean {
    return this.#knownAt !== undefined && !this.#failed && this.#underWay === undefined;
  }

  /** Whether nova ever listed it on this host. */
  has(id: string): boolean {
    return this.#servers.has(id);
  }

  /** Undefined for one that is not metered, because it is in error or deleted. The same object until it changes. */
  server(id: string): Server | undefined {
    return this.#servers.get(id);
  }

  flavor(id: string): Flavor | undefined {
    return this.#flavors.get(id);
  }

  /** Sends a request to nova if it is due, or at once; one listing at a time. Never rejects: failures are logged. */
  refresh({ now = false } = {}): Promise<void> {
    const due = this.#askedAt === undefined || this.#parts.clock.monotonic() - this.#askedAt >= pause;
    if (now || due) this.#underWay ??= this.#refresh().finally(() => (this.#underWay = undefined));
    return this.#underWay ?? Promise.resolve();
  }

  stop(): void {
    this.#stopped.abort(new Error('the discovery is stopped'));
  }

  async #refresh(): Promise<void> {
    const { clock, logger, metrics } = this.#parts;
    const began = clock.now();
    const askedAt = clock.monotonic();
    this.#askedAt = askedAt;
    const all = this.#listedAt === undefined || askedAt - this.#listedAt >= fullListEvery;
    const late = new Error(`nova did not list this host's servers within ${timeLimit / 1_000} s`);
    const time = deadline(clock, timeLimit, late, this.#stopped.signal);
    try {
      if (all) await this.#listAll(time.signal);
      else await this.#listChanges(time.signal);
      if (all) this.#listedAt = askedAt;
      this.#knownAt = began;
      metrics.answered.set(Number(began / 1_000_000n) / 1_000);
      if (this.#failed) logger.info({}, 'nova answers again; instances are metered as nova lists them');
      this.#failed = false;
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      metrics.failures.inc();
      if (!this.#failed)
        logger.warn(
          { err: error },
          `nova cannot list instances; those in its last listing are metered, and new ones as the hypervisor describes them: ${describeError(error)}`,
        );
      this.#failed = true;
    } finally {
      time.end();
    }
  }

  async #listAll(signal: AbortSignal): Promise<void> {
    const servers = await this.#list({}, signal);
    const flavors = await this.#listFlavors(signal);
    this.#servers = servers;
    this.#flavors = flavors;
  }

  async #listChanges(signal: AbortSignal): Promise<void> {
    const since = new Date(Number(((this.#knownAt ?? 0n) - overlap) / 1_000_000n)).toISOString();
    const changed = await this.#list({ 'changes-since': since }, signal);
    const newFlavor = [...changed.values()].some(
      (server) => server !== undefined && !this.#flavors.has(server.flavorId),
    );
    const flavors = newFlavor ? await this.#listFlavors(signal) : this.#flavors;
    this.#servers = new Map([...this.#servers, ...changed]);
    this.#flavors = flavors;
  }

  async #list(query: Record<string, string>, signal: AbortSignal): Promise<Map<string, Server | undefined>> {
    const servers = new Map<string, Server | undefined>();
    const list: ListRequest = {
      service,
      path: '/v2.1/servers/detail',
      key: 'servers',
      query: { all_tenants: 'true', host: this.#parts.host, ...query },
      headers: microversion,
    };
    for await (const page of this.#parts.session.list(list, signal))
      for (const json of page) {
        const server = this.#withTrueTime(readServer(json));
        const before = this.#servers.get(server.id);
        const metered = server.vmState !== 'error' && server.vmState !== 'deleted';
        servers.set(server.id, !metered ? undefined : isDeepStrictEqual(before, server) ? before : server);
      }
    return servers;
  }

  /** An invalid time of creation is missing, and logged once. */
  #withTrueTime(server: Server): Server {
    if (server.createdAt === '' || isTimestamp(server.createdAt)) return server;
    if (!this.#loggedTime)
      this.#parts.logger.warn(
        { instance: server.id },
        "nova lists an instance with an invalid time in 'created': such instances are metered without 'created_at'",
      );
    this.#loggedTime = true;
    return { ...server, createdAt: '' };
  }

  /** Those of all projects, each the same object as before if unchanged. */
  async #listFlavors(signal: AbortSignal): Promise<Map<string, Flavor>> {
    const flavors = new Map<string, Flavor>();
    const list: ListRequest = {
      service,
      path: '/v2.1/flavors/detail',
      key: 'flavors',
      query: { is_public: 'None' },
      headers: microversion,
    };
    for await (const page of this.#parts.session.list(list, signal))
      for (const json of page) {
        const flavor = readFlavor(json);
        const before = this.#flavors.get(flavor.id);
        flavors.set(flavor.id, before !== undefined && isDeepStrictEqual(before, flavor) ? before : flavor);
      }
    return flavors;
  }
}
