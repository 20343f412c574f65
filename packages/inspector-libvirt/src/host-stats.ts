import { describeError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';
import type { InstancePart } from '@nephoscope/core/instance';
import { isAbandonedCall, isConnectionClosed, isUnsupported } from '@nephoscope/libvirt';
import type { AllDomainStatsQuery, Domain, DomainStatsRecord } from '@nephoscope/libvirt';

import { hostGroups, refusesNowait } from './bulk-stats.js';
import { DomainAnswers } from './domain-answers.js';
import { fuller, isWhole } from './host-record.js';
import type { HostRecord } from './host-record.js';
import { busy, notReached } from './missing.js';
import { statsGroups } from './read-parts.js';
import type { Session, Sessions } from './session.js';
import { ShutOffSizes } from './shut-off-sizes.js';
import type { StuckDomains } from './stuck-domains.js';

// Extra time per domain beyond the configured deadline, ms: three times what QEMU needs.
const allowancePerDomain = 25;
// Another client's call locks a domain about as long as one of ours takes on this host, a migration for minutes; ms.
const retryTimeLimit = 200;
// Assumed number of domains when it is unknown.
const domainsAtFirst = 20;
// How many times longer than the slowest other domain one may take before it is skipped.
const timesTheSlowest = 10;
// For drivers without the bulk call; the daemon works on five calls of a connection.
const atOnce = 4;

/** Until when a reading waits. */
export interface ReadingTime {
  readonly signal: AbortSignal;
  /** End of the reading, on `performance.now`. */
  readonly end: number;
}

/**
 * The statistics of all domains of a host: by one bulk call for the running ones, and one for the others. The bulk
 * call waits for a domain that hangs, and takes long on a busy host. When it is late, each domain is also queried
 * separately, and any answer is used; a domain is left out when all others have answered and it takes ten times as
 * long as the slowest of them.
 */
export class HostStats {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #deadline: number;
  readonly #answers: DomainAnswers;
  readonly #sizes: ShutOffSizes;
  readonly #stuck: StuckDomains;
  #last: ReadonlyMap<string, Domain> = new Map();
  /** Domains whose process did not answer in the last reading because another job holds them. */
  #busy: ReadonlySet<string> = new Set();
  /** Duration of the last bulk call, ms. */
  #needed = 0;
  #failure: string | undefined;

  /** @param deadline ms before a bulk call is late, on a host that is idle and has no domains */
  constructor(sessions: Sessions, stuck: StuckDomains, clock: Clock, logger: Logger, deadline: number) {
    this.#stuck = stuck;
    this.#clock = clock;
    this.#logger = logger;
    this.#deadline = deadline;
    this.#answers = new DomainAnswers(sessions, stuck, clock, logger, deadline);
    this.#sizes = new ShutOffSizes(clock, logger);
  }

  /** @throws the libvirt error when the connection is lost, no domain can be read or the signal was aborted */
  async read(
    first: Session,
    parts: ReadonlySet<InstancePart>,
    time: ReadingTime,
  ): Promise<{ readonly records: readonly HostRecord[]; readonly session: Session }> {
    const { locked } = this.#sizes;
    const found = new Map<string, HostRecord>();
    let session = first;
    if (session.bulk.supported) session = await this.#ask(session, parts, found, time);
    if (!session.bulk.supported) await this.#list(session, found, time);
    for (const [uuid, record] of locked) found.set(uuid, record);
    time.signal.throwIfAborted();

    const records = [...found.values()];
    this.#last = new Map(records.map(({ domain }) => [domain.uuid, domain]));
    this.#busy = new Set(records.filter((record) => !isWhole(record, parts)).map(({ domain }) => domain.uuid));
    if (session.reportsInBulk && session.bulk.supported)
      this.#stuck.settle(new Map(records.map((record) => [record.domain.uuid, toldAll(record, parts)])));
    return { records, session };
  }

  /** Adds the disk sizes of shut-off domains; called last, because it may lock the daemon. */
  withSizes(session: Session, records: readonly HostRecord[], time: ReadingTime): Promise<readonly HostRecord[]> {
    return this.#sizes.add(session, records, time);
  }

  async #ask(
    session: Session,
    parts: ReadonlySet<InstancePart>,
    found: Map<string, HostRecord>,
    time: ReadingTime,
  ): Promise<Session> {
    const { locked } = this.#sizes;
    const leave = new AbortController();
    const asked = performance.now();
    const bulk = this.#bulk(session, parts, found, AbortSignal.any([time.signal, leave.signal]), time.end);
    bulk.catch(() => undefined);
    let over = false;
    try {
      if (await this.#inTime(bulk, asked, time)) {
        this.#needed = performance.now() - asked;
        this.#failure = undefined;
        const again = [...this.#last.values()].filter(({ uuid }) => !found.has(uuid) && !locked.has(uuid));
        for (const record of found.values()) {
          const { uuid } = record.domain;
          const known = this.#busy.has(uuid) || this.#answers.hangs(uuid);
          if (session.reportsInBulk && !known && !isWhole(record, parts)) again.push(record.domain);
        }
        if (again.length === 0) return session;
        const until = performance.now() + Math.max(retryTimeLimit, 2 * this.#needed);
        const asking = { ...time, timeLimit: () => until, slowest: this.#needed };
        return await this.#answers.ask(session, again, parts, found, asking);
      }
      void bulk.then(
        () => (over = true),
        () => undefined,
      );
    } catch (error) {
      if (isConnectionClosed(error) || time.signal.aborted) throw error;
      if (isUnsupported(error)) {
        session.bulk.supported = false;
        return session;
      }
      if (refusesNowait(error) && session.bulk.nowait) {
        session.bulk.nowait = false;
        return await this.#ask(session, parts, found, time);
      }
      this.#logFailure(error);
    }
    try {
      const timeLimit = (slowest: number): number => (over ? 0 : asked + timesTheSlowest * slowest);
      const answering = await this.#answers.usable(session, time);
      const domains = await this.#domains(answering, time);
      const next = await this.#answers.ask(answering, domains, parts, found, { ...time, timeLimit, listed: true });
      for (const domain of domains)
        if (!found.has(domain.uuid) && this.#answers.hangs(domain.uuid))
          found.set(domain.uuid, { domain, params: new Map(), ...this.#answers.moment(), failure: busy });
      // A host that is busy needs as long the next time.
      if (!domains.some(({ uuid }) => this.#answers.hangs(uuid))) this.#needed = performance.now() - asked;
      if (found.size === 0 && domains.length > 0) await bulk;
      return next;
    } finally {
      leave.abort(new Error('the domains were asked by themselves'));
    }
  }

  /** Stores answers in `found` as they arrive. */
  async #bulk(
    session: Session,
    parts: ReadonlySet<InstancePart>,
    found: Map<string, HostRecord>,
    signal: AbortSignal,
    end: number,
  ): Promise<void> {
    // A question for all waits for each domain that the daemon has locked; one for names does not.
    const { locked } = this.#sizes;
    const named = (which: (uuid: string) => boolean): { readonly domains: readonly Domain[] } => ({
      domains: [...this.#last.values()].filter(({ uuid }) => !locked.has(uuid) && which(uuid)),
    });
    const of: { readonly domains?: readonly Domain[] } = locked.size === 0 ? {} : named(() => true);
    if (of.domains?.length === 0) return;
    const take = (records: readonly DomainStatsRecord[]): void => {
      const moment = this.#answers.moment();
      for (const record of records) {
        // A separate query may have returned more meanwhile, and a domain that started or stopped between the two
        // calls is in both.
        const before = found.get(record.domain.uuid);
        if (before === undefined || !isWhole(before, parts))
          found.set(record.domain.uuid, fuller(before, { ...record, ...moment }));
      }
    };
    const options = { timeout: Math.max(1, end - performance.now()), signal };
    const flags = { active: true, nowait: session.bulk.nowait };
    const { connection } = session;
    const groups = statsGroups(parts);
    const ask = (query: AllDomainStatsQuery): Promise<void> =>
      query.domains?.length === 0 ? Promise.resolve() : connection.allDomainStats(query, options).then(take);
    const queries: readonly AllDomainStatsQuery[] =
      session.reportsInBulk && this.#stuck.full
        ? [
            { groups: groups.filter((group) => hostGroups.has(group)), flags, ...of },
            { groups, flags, ...named((uuid) => this.#stuck.mayAsk(uuid)) },
          ]
        : [{ groups, flags, ...of }];
    const others: AllDomainStatsQuery = { groups: ['state'], flags: { inactive: true }, ...of };
    await Promise.all([...queries, others].map(ask));
  }

  /** Whether the call ends before it counts as late. After a slow call the next one may be slow too. */
  async #inTime(bulk: Promise<void>, asked: number, { signal, end }: ReadingTime): Promise<boolean> {
    const domains = this.#last.size || domainsAtFirst;
    const usual = Math.max(this.#deadline + domains * allowancePerDomain, 2 * this.#needed);
    const enough = new AbortController();
    const sleep = Math.min(usual, (end - asked) / 2);
    const late = this.#clock.sleep(sleep, AbortSignal.any([signal, enough.signal])).then(() => false);
    late.catch(() => undefined);
    try {
      return await Promise.race([bulk.then(() => true), late]);
    } finally {
      enough.abort();
    }
  }

  /** All domains, as the daemon lists them, or as they were listed last when it does not. */
  async #domains(session: Session, { signal, end }: ReadingTime): Promise<readonly Domain[]> {
    const timeout = Math.max(1, this.#last.size === 0 ? (end - performance.now()) / 2 : this.#deadline);
    const { locked } = this.#sizes;
    const known = (): readonly Domain[] => [...this.#last.values()].filter(({ uuid }) => !locked.has(uuid));
    if (locked.size > 0) return known();
    try {
      return await session.connection.listAllDomains({}, { timeout, signal });
    } catch (error) {
      if (!isAbandonedCall(error) || signal.aborted) throw error;
      return known();
    }
  }

  /** For drivers without the bulk call: the state and CPU time of each domain, by separate calls. */
  async #list(session: Session, found: Map<string, HostRecord>, { signal, end }: ReadingTime): Promise<void> {
    const timeout = (): number => Math.max(1, (end - performance.now()) / 4);
    const queue = (await session.connection.listAllDomains({}, { timeout: timeout(), signal })).values();
    const worker = async (): Promise<void> => {
      for (const domain of queue) {
        const record = await this.#answers.info(session, domain, { timeout: timeout(), signal });
        if (record !== undefined) found.set(domain.uuid, record);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  }

  #logFailure(error: unknown): void {
    const reason = describeError(error);
    if (this.#failure === reason) return;
    this.#failure = reason;
    this.#logger.warn(
      { err: error },
      `libvirt fails for all instances at once, so each is asked by itself: ${reason}`,
    );
  }
}

/** Undefined for a domain that is off, failed or was not queried: it holds no call. */
function toldAll(record: HostRecord, parts: ReadonlySet<InstancePart>): boolean | undefined {
  const { domain, failure } = record;
  if (domain.id < 0 || failure === notReached || failure?.missing === 'error') return undefined;
  return isWhole(record, parts);
}
