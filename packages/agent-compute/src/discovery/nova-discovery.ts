import { deadline, orAborted } from '@nephoscope/async';
import type { Clock, Logger } from '@nephoscope/core';
import type { Inspector } from '@nephoscope/core/inspector';
import type { Instance, InstanceReading } from '@nephoscope/core/instance';
import type { Session } from '@nephoscope/openstack';

import { nameSome } from '../name-some.js';
import type { DiscoveryMetrics } from './discovery-metrics.js';
import { novaInstance } from './nova-instance.js';
import { NovaServers } from './nova-servers.js';

export interface NovaDiscoveryParts {
  readonly inspector: Inspector;
  /** Creates the session when the agent starts; an error aborts the start. */
  readonly connect: () => Promise<Pick<Session, 'list' | 'close'>>;
  /** The host's name in nova. */
  readonly host: string;
  /** How long readings wait for nova, ms. After that they use the previous listing. */
  readonly timeLimit: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: DiscoveryMetrics;
}

/**
 * An inspector that returns nova's instances: nova decides which are metered, and provides their facts; the
 * hypervisor provides the readings. An instance that nova does not list on this host, or lists as `ERROR`, is left
 * out. While nova does not answer, its last listing is used; an instance that is new since then is described by its
 * domain, if nova created it.
 */
export function discoverByNova(parts: NovaDiscoveryParts): Inspector {
  const { inspector } = parts;
  const discovery = new NovaDiscovery(parts);
  return {
    start: (signal) => discovery.start(signal),
    stop: () => discovery.stop(),
    health: () => inspector.health(),
    inspect: async (wanted, signal) => {
      void discovery.refresh();
      return discovery.discover(await inspector.inspect(wanted, signal), signal);
    },
    ...(inspector.inspectInstance === undefined
      ? {}
      : {
          inspectInstance: async (id, wanted, signal) => {
            const reading = await inspector.inspectInstance?.(id, wanted, signal);
            return reading === undefined ? undefined : discovery.discoverOne(reading);
          },
        }),
    ...(inspector.watch === undefined
      ? {}
      : { watch: (listener) => inspector.watch?.(listener) ?? (() => undefined) }),
  };
}

class NovaDiscovery {
  readonly #parts: NovaDiscoveryParts;
  #session: Pick<Session, 'list' | 'close'> | undefined;
  #servers: NovaServers | undefined;
  /** Unmetered instances that were logged. */
  #logged = new Set<string>();

  constructor(parts: NovaDiscoveryParts) {
    this.#parts = parts;
  }

  async start(signal: AbortSignal): Promise<void> {
    const { connect, inspector, host, clock, logger, metrics } = this.#parts;
    const session = await connect();
    try {
      await inspector.start(signal);
    } catch (error) {
      await session.close();
      throw error;
    }
    this.#session = session;
    this.#servers = new NovaServers({ session, host, clock, logger, metrics });
  }

  async stop(): Promise<void> {
    this.#servers?.stop();
    const ended = await Promise.allSettled([this.#parts.inspector.stop(), this.#session?.close()]);
    for (const end of ended) if (end.status === 'rejected') throw end.reason;
  }

  async refresh(options: { readonly now?: boolean } = {}): Promise<void> {
    await this.#servers?.refresh(options);
  }

  /** The readings of metered instances, each with nova's facts. */
  async discover(readings: readonly InstanceReading[], signal: AbortSignal): Promise<readonly InstanceReading[]> {
    await this.#wait(this.refresh(), signal);
    const isNew = ({ instance: { id } }: InstanceReading) => !this.#servers?.has(id) && !this.#logged.has(id);
    // It may have arrived on this host since the last listing.
    if (this.#servers?.current === true && readings.some(isNew))
      await this.#wait(this.refresh({ now: true }), signal);

    const discovered = readings.flatMap((reading) => this.#reading(reading) ?? []);
    if (this.#servers?.current === true) this.#logUnmetered(readings.map(({ instance }) => instance));
    return discovered;
  }

  /**
   * The same for one instance, without a request to nova: there is no time for it, and nova may have deleted it
   * already.
   */
  discoverOne(reading: InstanceReading): InstanceReading | undefined {
    return this.#reading(reading, true);
  }

  #reading(reading: InstanceReading, last = false): InstanceReading | undefined {
    const instance = this.#instance(reading.instance, last);
    return instance === undefined ? undefined : { ...reading, instance };
  }

  #instance(instance: Instance, last: boolean): Instance | undefined {
    const servers = this.#servers;
    const server = servers?.server(instance.id);
    if (servers === undefined || server === undefined) {
      const unheard = servers?.has(instance.id) !== true && (last || servers?.current !== true);
      return unheard && instance.projectId !== null ? instance : undefined;
    }
    return novaInstance(instance, server, servers.flavor(server.flavorId));
  }

  #logUnmetered(instances: readonly Instance[]): void {
    const { host, logger, metrics } = this.#parts;
    const unknown = instances.filter(({ id }) => this.#servers?.has(id) !== true);
    const unlogged = unknown.filter(({ id }) => !this.#logged.has(id));
    if (unlogged.length > 0)
      logger.warn(
        { host, instances: unlogged.map(({ id }) => id) },
        `not metered because nova does not list them on the host ${host}: ${nameSome(new Set(unlogged.map(({ name }) => name)))}`,
      );
    this.#logged = new Set(unknown.map(({ id }) => id));
    metrics.unknown.set(unknown.length);
  }

  async #wait(refreshed: Promise<void>, signal: AbortSignal): Promise<void> {
    const { clock, timeLimit } = this.#parts;
    const time = deadline(clock, timeLimit, new Error('nova is slow to answer'), signal);
    // The previous listing is used then.
    await orAborted(refreshed, time.signal).catch(() => undefined);
    time.end();
  }
}
