import { isNephoscopeError, NephoscopeError } from '@nephoscope/core';
import type { Clock, Health, Logger, PluginSettings } from '@nephoscope/core';
import type { Inspector, LifecycleEvent } from '@nephoscope/core/inspector';
import type { InstancePart, InstanceReading } from '@nephoscope/core/instance';
import { isNoDomain } from '@nephoscope/libvirt';

import { HostStats } from './host-stats.js';
import type { ReadingTime } from './host-stats.js';
import { KnownInstances } from './known-instances.js';
import { LifecycleWatch } from './lifecycle-watch.js';
import type { Options } from './options.js';
import { readParts, withSureCards } from './read-parts.js';
import { RepluggedCards } from './replugged-cards.js';
import { RunningSizes } from './running-sizes.js';
import { Sessions } from './session.js';
import type { Session } from './session.js';
import { SingleReader } from './single-reader.js';
import { StuckDomains } from './stuck-domains.js';

// Default time limit of a reading, ms.
const usualTime = 20_000;
// An idle host answers in a few ms; a hung domain delays the others by no more than this.
const usualDeadline = 1_000;

/**
 * Reads every domain of a libvirt host in one bulk call, whatever single domains do; and on a second connection
 * single domains at once, whatever the first one waits for.
 */
export class LibvirtInspector implements Inspector {
  readonly #uri: string;
  readonly #clock: Clock;
  readonly #known: KnownInstances;
  readonly #sessions: Sessions;
  /** For single domains and events. */
  readonly #own: Sessions;
  readonly #single: SingleReader;
  readonly #lifecycle: LifecycleWatch;
  readonly #stats: HostStats;
  readonly #sizes: RunningSizes;
  readonly #cards = new RepluggedCards();

  /** @param deadline base time of a reading, ms, plus some per domain, before unanswered domains are skipped */
  constructor({ options, clock, logger }: PluginSettings<Options>, deadline = usualDeadline) {
    this.#uri = options.uri;
    this.#clock = clock;
    this.#known = new KnownInstances(options.owners);
    this.#sessions = new Sessions(this.#uri, clock, logger, () => Promise.resolve(this.#own.hurry()));
    this.#lifecycle = new LifecycleWatch(logger);
    // Failures of the daemon are logged once, by the other connection.
    const debug: Logger['debug'] = (fields, message) => logger.debug(fields, message);
    const quiet: Logger = { debug, info: debug, warn: debug, error: debug };
    this.#own = new Sessions(this.#uri, clock, quiet, (...opened) => this.#lifecycle.attach(...opened));
    const stuck = new StuckDomains(logger);
    this.#stats = new HostStats(this.#sessions, stuck, clock, logger, deadline);
    this.#sizes = new RunningSizes(logger);
    this.#single = new SingleReader(this.#own, this.#sessions, this.#known, this.#sizes, stuck, clock, deadline);
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

  async inspect(
    parts: ReadonlySet<InstancePart>,
    signal: AbortSignal,
    within: number = usualTime,
  ): Promise<readonly InstanceReading[]> {
    const time = { signal, end: performance.now() + within };
    try {
      const readings = await this.#sessions.use((session) => this.#read(session, parts, time), signal);
      await this.#lifecycle.poll();
      return readings;
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
    time: ReadingTime,
  ): Promise<readonly InstanceReading[]> {
    // Descriptions from now on may be newer than the answer.
    const before = this.#known.uuids;
    const { records, session } = await this.#stats.read(first, parts, time);

    // Id 0 is the hypervisor itself, as Xen's Domain-0.
    const found = records.filter(({ domain }) => domain.id !== 0);
    const limits = { timeout: Math.max(1, (time.end - performance.now()) / 2), signal: time.signal };
    for (const { domain, params } of found) session.descriptions.compare(domain, params);
    const descriptions = await session.descriptions.of(
      found.map(({ domain }) => domain),
      (uuid) => this.#known.description(uuid),
      limits,
    );
    const sizes = session.reportsInBulk && parts.has('disks');
    const running = sizes ? await this.#sizes.add(session, found, descriptions, time) : found;
    const guests = sizes ? await this.#stats.withSizes(session, running, time) : found;
    const readings = await Promise.all(
      guests.map(async (record): Promise<InstanceReading | undefined> => {
        const { domain } = record;
        const description = descriptions.get(domain.uuid);
        if (description === undefined) return undefined;
        const known = this.#known.description(domain.uuid);
        const instance = this.#known.instance(record, description, session.boot);
        try {
          const read = await readParts(parts, session, record, description, limits);
          const { readAt, readAtMonotonic } = record;
          // Separate calls took time after the bulk answer.
          const moment = session.reportsInBulk ? { readAt, readAtMonotonic } : this.#moment();
          return { instance, ...moment, parts: withSureCards(read, known ?? description, this.#cards) };
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

  #moment(): { readonly readAt: bigint; readonly readAtMonotonic: bigint } {
    return { readAt: this.#clock.now(), readAtMonotonic: this.#clock.monotonic() };
  }
}
