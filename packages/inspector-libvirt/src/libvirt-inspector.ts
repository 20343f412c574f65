import { isNephoscopeError, NephoscopeError } from '@nephoscope/core';
import type {
  Clock,
  Health,
  Inspector,
  InstancePart,
  InstanceReading,
  LifecycleEvent,
  Logger,
  PluginSettings,
} from '@nephoscope/core';
import { isAbandonedCall, isNoDomain } from '@nephoscope/libvirt';
import type { DomainStatsRecord, StatsGroup } from '@nephoscope/libvirt';

import { KnownInstances } from './known-instances.js';
import { LifecycleWatch } from './lifecycle-watch.js';
import { defaultUri } from './options.js';
import type { Options } from './options.js';
import { readParts, statsGroups } from './read-parts.js';
import { Sessions } from './session.js';
import type { Session } from './session.js';
import { SingleReader } from './single-reader.js';

// What a reading may take for each domain beyond the configured deadline, ms: thrice what QEMU takes.
const allowancePerDomain = 25;
// Each try that hangs leaves one more domain aside; several may have been stuck before we came.
const tries = 7;
// The tries between the first and the last are only there to find the next stuck domain.
const shareOfTries = 1 / 3;
// The daemon works on five calls of a connection at once; beyond these the next would wait for ever.
const slotsForStuckCalls = 3;

/**
 * Reads every domain of a libvirt host in one bulk call, whatever single domains do; and on a second connection
 * single domains at once, whatever the first one waits for.
 */
export class LibvirtInspector implements Inspector {
  readonly #options: Options;
  readonly #uri: string;
  readonly #clock: Clock;
  readonly #known: KnownInstances;
  readonly #sessions: Sessions;
  /** For single domains and events. */
  readonly #own: Sessions;
  readonly #single: SingleReader;
  readonly #lifecycle: LifecycleWatch;
  /** How many domains there are, by the last complete answer; undefined when none is to be relied on. */
  #domains: number | undefined;

  constructor({ options, host, clock, logger }: PluginSettings<Options>) {
    this.#options = options;
    this.#uri = options.uri ?? defaultUri[options.hypervisor];
    this.#clock = clock;
    this.#known = new KnownInstances(host, options.owners);
    this.#sessions = new Sessions(this.#uri, clock, logger, () => Promise.resolve(this.#own.hurry()));
    this.#lifecycle = new LifecycleWatch(logger);
    // What befalls the daemon is told once, by the other connection.
    const debug: Logger['debug'] = (fields, message) => logger.debug(fields, message);
    const quiet: Logger = { debug, info: debug, warn: debug, error: debug };
    this.#own = new Sessions(this.#uri, clock, quiet, (...opened) => this.#lifecycle.attach(...opened));
    this.#single = new SingleReader(this.#own, this.#sessions, this.#known, clock, options.deadline * 1_000);
  }

  async start(signal: AbortSignal): Promise<void> {
    try {
      await Promise.all([this.#sessions.start(signal), this.#own.start(signal)]);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all([this.#sessions.stop(), this.#own.stop()]);
  }

  health(): Health {
    return this.#sessions.health();
  }

  watch(listener: (event: LifecycleEvent) => void): () => void {
    return this.#lifecycle.subscribe(listener);
  }

  async inspect(parts: ReadonlySet<InstancePart>, signal: AbortSignal): Promise<readonly InstanceReading[]> {
    try {
      return await this.#sessions.use((session) => this.#read(session, parts, signal), signal);
    } catch (error) {
      throw this.#unavailable(error, `libvirt (${this.#uri})`);
    }
  }

  async inspectInstance(
    id: string,
    parts: ReadonlySet<InstancePart>,
    signal: AbortSignal,
  ): Promise<InstanceReading | undefined> {
    try {
      return await this.#single.read(id, parts, signal);
    } catch (error) {
      throw this.#unavailable(error, `the instance ${id} of libvirt (${this.#uri})`);
    }
  }

  #unavailable(error: unknown, what: string): NephoscopeError {
    if (isNephoscopeError(error)) return error;
    return new NephoscopeError('INSPECTOR_UNAVAILABLE', `${what} cannot be read`, { cause: error });
  }

  async #read(
    first: Session,
    parts: ReadonlySet<InstancePart>,
    signal: AbortSignal,
  ): Promise<readonly InstanceReading[]> {
    // What comes to be known from now on may be too new for the answer.
    const before = this.#known.uuids;
    const { records, session } = await this.#allDomainStats(first, statsGroups(parts), signal);
    const bulk = this.#moment();

    // Id 0 is the hypervisor itself, as Xen's Domain-0.
    const guests = records.filter(({ domain }) => domain.id !== 0);
    const limits = { timeout: this.#deadline(guests.length), signal };
    for (const { domain, params } of guests) session.descriptions.compare(domain, params);
    const descriptions = await session.descriptions.of(
      guests.map(({ domain }) => domain),
      (uuid) => this.#known.description(uuid),
      limits,
    );
    const readings = await Promise.all(
      guests.map(async (record): Promise<InstanceReading | undefined> => {
        const { domain } = record;
        const description = descriptions.get(domain.uuid);
        if (description === undefined) return undefined;
        const instance = this.#known.instance(record, description, session.boot);
        try {
          const read = await readParts(parts, session, record, description, limits);
          // Calls of their own took their time after the bulk answer.
          return { instance, ...(session.reportsInBulk ? bulk : this.#moment()), parts: read };
        } catch (error) {
          if (isNoDomain(error)) return undefined;
          throw error;
        }
      }),
    );
    const listed = new Set(guests.map(({ domain }) => domain.uuid));
    session.descriptions.forgetOthers(listed);
    for (const uuid of before) if (!listed.has(uuid)) this.#known.forget(uuid);
    return readings.filter((reading) => reading !== undefined);
  }

  /**
   * With NOWAIT the daemon passes over domains that another job holds, but the call that finds one stuck waits
   * in it without end. It then holds that domain itself, so the next call passes over it: after as many tries as
   * there are newly stuck domains the others are read at once, in this cycle and the next.
   */
  async #allDomainStats(
    first: Session,
    groups: readonly StatsGroup[],
    signal: AbortSignal,
  ): Promise<{ readonly records: readonly DomainStatsRecord[]; readonly session: Session }> {
    const query = { groups, flags: { nowait: true } };
    let session = first;
    for (let attempt = 1; ; attempt++) {
      if (session.connection.abandonedCalls >= slotsForStuckCalls) {
        this.#sessions.drop(session, new Error('its request slots are taken by instances that do not answer'));
        session = await this.#sessions.get(signal);
      }
      const deadline = this.#deadline(this.#domains ?? (await this.#count(session, signal)));
      const timeout = attempt === 1 || attempt === tries ? deadline : deadline * shareOfTries;
      try {
        const records = await session.connection.allDomainStats(query, { timeout, signal });
        this.#domains = records.length;
        return { records, session };
      } catch (error) {
        if (!isAbandonedCall(error) || signal.aborted || attempt === tries) throw error;
        this.#domains = undefined;
      }
    }
  }

  /** Asks nothing of any domain: a daemon that does not answer this in time is itself stuck. */
  async #count(session: Session, signal: AbortSignal): Promise<number> {
    try {
      return (await session.connection.listAllDomains({}, { timeout: this.#deadline(0), signal })).length;
    } catch (error) {
      if (!isAbandonedCall(error) || signal.aborted) throw error;
      const reason = 'libvirtd accepts calls but answers none; restart it when it does not recover by itself';
      const failure = new Error(reason, { cause: error });
      this.#sessions.drop(session, failure);
      throw failure;
    }
  }

  #moment(): { readonly readAt: bigint; readonly readAtMonotonic: bigint } {
    return { readAt: this.#clock.now(), readAtMonotonic: this.#clock.monotonic() };
  }

  #deadline(domains: number): number {
    return this.#options.deadline * 1_000 + domains * allowancePerDomain;
  }
}
