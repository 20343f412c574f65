import { describeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';
import type { LifecycleEvent } from '@nephoscope/core/inspector';
import { isUnsupported, LifecycleEventType } from '@nephoscope/libvirt';
import type { CallOptions, Connection, LifecycleEvent as DomainEvent } from '@nephoscope/libvirt';

type Listener = (event: LifecycleEvent) => void;

const kinds: Readonly<Record<number, LifecycleEvent['kind']>> = {
  [LifecycleEventType.started]: 'started',
  [LifecycleEventType.shutdown]: 'stopping',
  [LifecycleEventType.crashed]: 'stopping',
  // Its CPUs are stopped: paused, or about to be saved or migrated away.
  [LifecycleEventType.suspended]: 'stopping',
  [LifecycleEventType.pmsuspended]: 'stopping',
  [LifecycleEventType.stopped]: 'stopped',
};

// For the list of running domains, ms.
const listTimeout = 5_000;

/**
 * Reports domains that start and stop, over any number of connections. Events between two connections are found by
 * comparing the running domains, as far as that shows them.
 */
export class LifecycleWatch {
  readonly #logger: Logger;
  readonly #listeners = new Set<Listener>();
  /** The ids of the running domains by UUID; undefined while unknown. */
  #running: Map<string, number> | undefined;
  #connection: Connection | undefined;
  #polling = false;
  /** Events received while the list was requested: a domain's current id; undefined if it is not running. */
  #changes: Map<string, number | undefined> | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  subscribe(listener: Listener): () => void {
    // One entry for each subscription, also of the same function.
    const own: Listener = (event) => listener(event);
    this.#listeners.add(own);
    if (this.#running === undefined && this.#connection !== undefined) void this.#compare(this.#connection);
    return () => this.#listeners.delete(own);
  }

  /**
   * Switches to the events of this connection.
   *
   * @throws the libvirt error when they cannot be had
   */
  async attach(connection: Connection, options: CallOptions): Promise<void> {
    this.#connection = connection;
    this.#polling = false;
    try {
      await connection.onLifecycle((event) => this.#take(connection, event), options);
    } catch (error) {
      if (!isUnsupported(error)) throw error;
      this.#polling = true;
    }
    if (this.#listeners.size > 0) void this.#compare(connection);
  }

  /** For drivers without events: compares the domains that run with those before. To be called now and then. */
  async poll(): Promise<void> {
    if (this.#polling && this.#connection !== undefined && this.#listeners.size > 0)
      await this.#compare(this.#connection);
  }

  #take(connection: Connection, { domain, event }: DomainEvent): void {
    const kind = kinds[event];
    if (kind === undefined || connection !== this.#connection) return;
    if (kind === 'started') {
      this.#running?.set(domain.uuid, domain.id);
      this.#changes?.set(domain.uuid, domain.id);
    } else if (kind === 'stopped') {
      this.#running?.delete(domain.uuid);
      this.#changes?.set(domain.uuid, undefined);
    }
    this.#emit({ instanceId: domain.uuid, kind });
  }

  async #compare(connection: Connection): Promise<void> {
    const changes = (this.#changes = new Map<string, number | undefined>());
    try {
      const domains = await connection.listAllDomains({ active: true }, { timeout: listTimeout });
      if (connection !== this.#connection) return;
      const before = this.#running;
      const now = new Map(domains.map(({ uuid, id }) => [uuid, id]));
      // An event is newer than the list, or as new.
      for (const [uuid, id] of changes) {
        if (id === undefined) now.delete(uuid);
        else now.set(uuid, id);
      }
      this.#running = now;
      if (before === undefined) return;
      for (const uuid of before.keys()) if (!now.has(uuid)) this.#emit({ instanceId: uuid, kind: 'stopped' });
      for (const [uuid, id] of now) if (before.get(uuid) !== id) this.#emit({ instanceId: uuid, kind: 'started' });
    } catch (error) {
      this.#logger.debug({ err: error }, `cannot list the domains that run: ${describeError(error)}`);
    } finally {
      if (this.#changes === changes) this.#changes = undefined;
    }
  }

  #emit(event: LifecycleEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
