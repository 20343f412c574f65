import type { Clock } from '@nephoscope/core';
import type { InstancePart, InstanceReading } from '@nephoscope/core/instance';
import { isAbandonedCall, isConnectionClosed, isNoDomain, isUnsupported } from '@nephoscope/libvirt';
import type { DomainStatsRecord, StatsGroup } from '@nephoscope/libvirt';

import { hostGroups, infoParams, processAnswered, refusesNowait } from './bulk-stats.js';
import { parseDomainXml, undescribed } from './domain-xml.js';
import type { DomainDescription } from './domain-xml.js';
import type { KnownInstances } from './known-instances.js';
import { readParts, statsGroups } from './read-parts.js';
import type { RunningSizes } from './running-sizes.js';
import { notAnswering } from './session.js';
import type { Session, Sessions } from './session.js';
import type { StuckDomains } from './stuck-domains.js';

// The daemon processes five calls of a connection concurrently; a connection with this many hanging calls is given
// up.
const slotsForStuckCalls = 3;
// Maximum number of hanging calls per instance: one for its process, one for the host's figures.
const callsThatMayHang = 2;
// A reading of the host, or a start in progress, holds a guest for some milliseconds.
const pauseForOthers = 10;
const retryTimeLimit = 200;

interface Answer {
  readonly record: DomainStatsRecord;
  readonly readAt: bigint;
  readonly readAtMonotonic: bigint;
}

/**
 * Reads single domains immediately, on a separate connection: it is not delayed by calls on others.
 * A domain in which its calls hang is left alone until they are answered.
 */
export class SingleReader {
  readonly #sessions: Sessions;
  readonly #host: Sessions;
  readonly #known: KnownInstances;
  readonly #sizes: RunningSizes;
  readonly #stuck: StuckDomains;
  readonly #clock: Clock;
  readonly #deadline: number;
  /** How many calls hang in a domain, by its UUID. */
  readonly #hanging = new Map<string, number>();

  /**
   * @param host the connection of the readings of the host, whose descriptions are up to date
   * @param sizes of images, which are not requested here
   * @param deadline for one reading, ms
   */
  constructor(
    sessions: Sessions,
    host: Sessions,
    known: KnownInstances,
    sizes: RunningSizes,
    stuck: StuckDomains,
    clock: Clock,
    deadline: number,
  ) {
    this.#stuck = stuck;
    this.#sessions = sessions;
    this.#host = host;
    this.#known = known;
    this.#sizes = sizes;
    this.#clock = clock;
    this.#deadline = deadline;
  }

  /** @throws the libvirt error when the domain does not answer in time; INSPECTOR_UNAVAILABLE without a connection */
  async read(
    uuid: string,
    parts: ReadonlySet<InstancePart>,
    signal: AbortSignal,
  ): Promise<InstanceReading | undefined> {
    let asked: Session | undefined;
    const read = () => this.#sessions.use((session) => this.#read((asked = session), uuid, parts, signal), signal);
    try {
      return await read();
    } catch (error) {
      // The connection's slots were occupied by hanging calls, and this call waited behind them.
      if (!isAbandonedCall(error) || this.#sessions.current === asked || signal.aborted) throw error;
      this.#hanging.delete(uuid);
      return read();
    }
  }

  async #read(
    session: Session,
    uuid: string,
    parts: ReadonlySet<InstancePart>,
    signal: AbortSignal,
  ): Promise<InstanceReading | undefined> {
    // A domain that is ending no longer returns its XML, so for one never read before it is requested first.
    const described = this.#known.description(uuid) === undefined ? this.#xml(session, uuid, signal) : undefined;
    described?.catch(() => undefined);
    const answer = await this.#stats(session, uuid, parts, signal);
    // Id 0 is the hypervisor itself, as Xen's Domain-0.
    if (answer === undefined || answer.record.domain.id === 0) return undefined;
    const { record, ...moment } = answer;
    const limits = { timeout: this.#deadline, signal };
    const description = await (described ?? this.#description(session, record, limits.timeout, signal));
    const instance = this.#known.instance(record, description, session.boot);
    try {
      const images = this.#sizes.known(record, description);
      const read = await readParts(parts, session, { ...record, images }, description, limits);
      // Separate calls took time.
      return { instance, ...(session.reportsInBulk ? moment : this.#moment()), parts: read };
    } catch (error) {
      if (isNoDomain(error)) return undefined;
      throw error;
    }
  }

  /**
   * Two concurrent queries. Figures from the host's kernel are returned at once; those from the guest's process take
   * time, during which the guest may be stopped, and the call then hangs until that is finished.
   */
  async #stats(
    session: Session,
    uuid: string,
    parts: ReadonlySet<InstancePart>,
    signal: AbortSignal,
  ): Promise<Answer | undefined> {
    const hanging = this.#hanging.get(uuid) ?? 0;
    if (hanging >= callsThatMayHang)
      throw new Error(
        'earlier calls for this instance are still unanswered; it is not queried again until they are answered',
      );
    const groups = statsGroups(parts);
    const ofHost = groups.filter((group) => hostGroups.has(group));
    if (!session.reportsInBulk || ofHost.length === groups.length) return this.#ask(session, uuid, groups, signal);

    const quick = this.#ask(session, uuid, ofHost, signal);
    if (hanging > 0 || !this.#stuck.mayAsk(uuid)) return quick;
    const [known, whole] = await Promise.allSettled([quick, this.#whole(session, uuid, parts, signal)]);
    if (whole.status === 'fulfilled' && whole.value !== undefined) return whole.value;
    if (known.status === 'fulfilled') return known.value;
    if (whole.status === 'fulfilled') return undefined;
    throw whole.reason;
  }

  /** Repeats the request for a while if another job holds the domain. */
  async #whole(
    session: Session,
    uuid: string,
    parts: ReadonlySet<InstancePart>,
    signal: AbortSignal,
  ): Promise<Answer | undefined> {
    const timeLimit = performance.now() + retryTimeLimit;
    let best: Answer | undefined;
    for (;;) {
      try {
        const answer = await this.#ask(session, uuid, statsGroups(parts), signal);
        if (answer === undefined) return best;
        best = answer;
      } catch (error) {
        if (best === undefined || !isAbandonedCall(error)) throw error;
        return best;
      }
      const { domain, params } = best.record;
      if (domain.id < 0 || processAnswered(params, parts) || performance.now() > timeLimit) return best;
      await this.#clock.sleep(pauseForOthers, signal);
    }
  }

  async #ask(
    session: Session,
    uuid: string,
    groups: readonly StatsGroup[],
    signal: AbortSignal,
  ): Promise<Answer | undefined> {
    // The daemon finds it by its UUID alone.
    const { bulk } = session;
    if (!bulk.supported) return this.#info(session, uuid, signal);
    const query = { groups, flags: { nowait: bulk.nowait }, domains: [{ name: uuid, uuid, id: -1 }] };
    try {
      const [record] = await session.connection.allDomainStats(query, { timeout: this.#deadline, signal });
      return record && { record, ...this.#moment() };
    } catch (error) {
      if (isNoDomain(error)) return undefined;
      if (isUnsupported(error)) {
        bulk.supported = false;
        return this.#info(session, uuid, signal);
      }
      if (refusesNowait(error) && query.flags.nowait) {
        bulk.nowait = false;
        return this.#ask(session, uuid, groups, signal);
      }
      if (isAbandonedCall(error)) {
        // Only what waits for its process holds a worker until that answers.
        if (groups.some((group) => !hostGroups.has(group))) this.#stuck.add(uuid);
        this.#leave(session, uuid, error.late);
      }
      throw error;
    }
  }

  async #info({ connection }: Session, uuid: string, signal: AbortSignal): Promise<Answer | undefined> {
    const options = { timeout: this.#deadline, signal };
    try {
      const domain = await connection.lookupDomainByUuid(uuid, options);
      const params = infoParams(await connection.domainInfo(domain, options));
      return { record: { domain, params }, ...this.#moment() };
    } catch (error) {
      if (isNoDomain(error)) return undefined;
      throw error;
    }
  }

  #leave(session: Session, uuid: string, late: Promise<void>): void {
    this.#hanging.set(uuid, (this.#hanging.get(uuid) ?? 0) + 1);
    void late.then(() => {
      const left = (this.#hanging.get(uuid) ?? 1) - 1;
      if (left === 0) this.#hanging.delete(uuid);
      else this.#hanging.set(uuid, left);
    });
    // Now, so that the next reading need not wait for another connection.
    if (session.connection.abandonedCalls >= slotsForStuckCalls)
      this.#sessions.drop(session, notAnswering(session));
  }

  /** A domain that is ending no longer returns its XML: the last known one is used. */
  async #description(
    session: Session,
    { domain }: DomainStatsRecord,
    timeout: number,
    signal: AbortSignal,
  ): Promise<DomainDescription> {
    const upToDate = this.#host.current?.descriptions.known(domain) ?? session.descriptions.known(domain);
    if (upToDate !== undefined) return upToDate;
    const before = this.#known.description(domain.uuid);
    const described = await session.descriptions.of([domain], () => before, { timeout, signal });
    return described.get(domain.uuid) ?? before ?? undescribed;
  }

  async #xml(session: Session, uuid: string, signal: AbortSignal): Promise<DomainDescription> {
    const domain = { name: uuid, uuid, id: -1 };
    try {
      return parseDomainXml(await session.connection.domainXml(domain, { timeout: this.#deadline, signal }));
    } catch (error) {
      if (isConnectionClosed(error) || signal.aborted) throw error;
      return undescribed;
    }
  }

  #moment(): { readonly readAt: bigint; readonly readAtMonotonic: bigint } {
    return { readAt: this.#clock.now(), readAtMonotonic: this.#clock.monotonic() };
  }
}
