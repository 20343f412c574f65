import { describeError } from '@nephoscope/core';
import type { Clock, Logger, Missing } from '@nephoscope/core';
import type { InstancePart } from '@nephoscope/core/instance';
import { isAbandonedCall, isConnectionClosed, isLibvirtError, isNoDomain } from '@nephoscope/libvirt';
import type { CallOptions, Domain, StatsGroup } from '@nephoscope/libvirt';

import { hostGroups, infoParams } from './bulk-stats.js';
import { fuller, isWhole } from './host-record.js';
import type { HostRecord } from './host-record.js';
import { busy, notReached } from './missing.js';
import { statsGroups } from './read-parts.js';
import { notAnswering } from './session.js';
import type { Session, Sessions } from './session.js';
import type { StuckDomains } from './stuck-domains.js';

/** Until when domains are queried; on `performance.now`. */
export interface AskingTime {
  readonly signal: AbortSignal;
  readonly end: number;
  /** Until when a domain with an incomplete answer is queried again, given the slowest complete answer, ms. */
  readonly timeLimit: (slowest: number) => number;
  /** What this host needed for an answer just now, ms. */
  readonly slowest?: number;
  /** Whether they are known to exist, even if there is no time to query them. */
  readonly listed?: boolean;
}

// Two domains at a time while a bulk call is late: the daemon handles five calls per connection.
const atOnce = 2;
const pause = 50;
// For a question that concerns no domain, ms.
const daemonTimeLimit = 1_000;
const timesTheSlowest = 10;
// Share of the remaining time that the first may take.
const shareOfTheFirst = 4;
// With libvirtd's default max_client_requests of five, one remains for others during a bulk call.
const slotsForStuckCalls = 3;

/**
 * Queries domains one by one. For a domain with hanging calls only the host's figures are requested until they are
 * answered.
 */
export class DomainAnswers {
  readonly #sessions: Sessions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #deadline: number;
  readonly #stuck: StuckDomains;
  /** How many calls hang in a domain, by UUID. */
  readonly #hanging = new Map<string, number>();
  readonly #dropped = new WeakSet<Session>();
  #slots = slotsForStuckCalls;

  constructor(sessions: Sessions, stuck: StuckDomains, clock: Clock, logger: Logger, deadline: number) {
    this.#sessions = sessions;
    this.#stuck = stuck;
    this.#clock = clock;
    this.#logger = logger;
    this.#deadline = deadline;
  }

  hangs(uuid: string): boolean {
    return this.#hanging.has(uuid);
  }

  moment(): { readonly readAt: bigint; readonly readAtMonotonic: bigint } {
    return { readAt: this.#clock.now(), readAtMonotonic: this.#clock.monotonic() };
  }

  /**
   * Queries each of these domains and stores the answer in `found`; repeats those held by another call, while there
   * is time. Resolves with the connection to use next.
   */
  async ask(
    first: Session,
    domains: readonly Domain[],
    parts: ReadonlySet<InstancePart>,
    found: Map<string, HostRecord>,
    time: AskingTime,
  ): Promise<Session> {
    let session = await this.usable(first, time);
    let slowest = time.slowest ?? 0;
    const inTime = (): boolean => performance.now() < Math.min(time.end, time.timeLimit(slowest));
    const whole = (uuid: string): boolean => {
      const record = found.get(uuid);
      return record !== undefined && isWhole(record, parts);
    };
    let pending = domains.filter(({ uuid }) => !whole(uuid));
    for (let round = 1; pending.length > 0 && (round === 1 || inTime()); round++) {
      if (round > 1) await this.#clock.sleep(pause, time.signal);
      const queue = pending.values();
      const worker = async (): Promise<void> => {
        for (const domain of queue) {
          if (whole(domain.uuid)) continue;
          const asked = performance.now();
          const left = time.end - asked;
          if (left <= 0) {
            if (time.listed && !found.has(domain.uuid)) found.set(domain.uuid, this.#nothing(domain, notReached));
            continue;
          }
          // Before the first answer, a hung domain cannot be distinguished from a busy host.
          const enough = slowest === 0 ? left / shareOfTheFirst : timesTheSlowest * slowest;
          const timeout = Math.max(1, Math.min(left, Math.max(this.#deadline, enough)));
          const [record, used] = await this.#askOnUsable(session, domain, parts, timeout, time);
          session = used;
          if (record === undefined) continue;
          if (record.failure === undefined) slowest = Math.max(slowest, performance.now() - asked);
          if (!whole(domain.uuid)) found.set(domain.uuid, fuller(found.get(domain.uuid), record));
        }
      };
      await Promise.all(Array.from({ length: this.#slots < slotsForStuckCalls ? 1 : atOnce }, worker));
      const given = (uuid: string): boolean => this.hangs(uuid) || this.#stuck.wasSpared(uuid);
      pending = pending.filter(({ uuid }) => found.has(uuid) && !whole(uuid) && !given(uuid));
    }
    return session;
  }

  /** Repeats the request if the connection was abandoned meanwhile because of others. */
  async #askOnUsable(
    first: Session,
    domain: Domain,
    parts: ReadonlySet<InstancePart>,
    timeout: number,
    time: AskingTime,
  ): Promise<readonly [HostRecord | undefined, Session]> {
    for (let session = first; ;) {
      try {
        session = await this.usable(session, time);
        return [await this.#ask(session, domain, parts, { timeout, signal: time.signal }), session];
      } catch (error) {
        if (!isConnectionClosed(error) || !this.#dropped.has(session)) throw error;
      }
    }
  }

  /** The domain's record; undefined if it has disappeared. */
  async #ask(
    session: Session,
    domain: Domain,
    parts: ReadonlySet<InstancePart>,
    options: CallOptions,
  ): Promise<HostRecord | undefined> {
    const { uuid } = domain;
    const hanging = this.#hanging.get(uuid) ?? 0;
    if (hanging > 1) return this.#nothing(domain, busy);
    const groups = statsGroups(parts);
    const tries: readonly (readonly StatsGroup[])[] = [
      ...(hanging === 0 && (domain.id < 0 || this.#stuck.mayAsk(uuid))
        ? [domain.id < 0 ? (['state'] as const) : groups]
        : []),
      groups.filter((group) => hostGroups.has(group)),
      ['state'],
    ];
    let failure: Missing | undefined;
    for (const wanted of tries) {
      const query = {
        groups: wanted,
        flags: { nowait: session.bulk.nowait },
        domains: [{ name: uuid, uuid, id: -1 }],
      };
      try {
        const [record] = await session.connection.allDomainStats(query, options);
        if (record === undefined) return undefined;
        const answer = { ...record, ...this.moment(), ...(failure && { failure }) };
        // A call that was lost with its connection may be in it.
        if (wanted === groups && !isWhole(answer, parts)) this.#stuck.add(uuid);
        return answer;
      } catch (error) {
        if (isNoDomain(error)) return undefined;
        if (isAbandonedCall(error) && options.signal?.aborted !== true) {
          // Only what waits for its process holds a worker until that answers.
          if (wanted === groups) this.#stuck.add(uuid);
          this.#leave(uuid, error.late);
        } else if (!isLibvirtError(error)) throw error;
        failure ??= isLibvirtError(error) ? { missing: 'error', detail: describeError(error) } : busy;
        // The connection may have no free slots; the host's figures are requested in the next reading.
        if (!isLibvirtError(error)) break;
      }
    }
    return this.#nothing(domain, failure ?? busy);
  }

  /** The result of `virDomainGetInfo`, for drivers without the bulk call; undefined if the domain has disappeared. */
  async info({ connection }: Session, domain: Domain, options: CallOptions): Promise<HostRecord | undefined> {
    if (this.hangs(domain.uuid)) return this.#nothing(domain, busy);
    try {
      const params = infoParams(await connection.domainInfo(domain, options));
      return { domain, params, ...this.moment() };
    } catch (error) {
      if (isNoDomain(error)) return undefined;
      if (isLibvirtError(error)) return this.#nothing(domain, { missing: 'error', detail: describeError(error) });
      if (!isAbandonedCall(error) || options.signal?.aborted === true) throw error;
      this.#stuck.add(domain.uuid);
      this.#leave(domain.uuid, error.late);
      return this.#nothing(domain, busy);
    }
  }

  #nothing(domain: Domain, failure: Missing): HostRecord {
    return { domain, params: new Map(), ...this.moment(), failure };
  }

  #leave(uuid: string, late: Promise<void>): void {
    this.#hanging.set(uuid, (this.#hanging.get(uuid) ?? 0) + 1);
    void late.then(() => {
      const left = (this.#hanging.get(uuid) ?? 1) - 1;
      if (left === 0) this.#hanging.delete(uuid);
      else this.#hanging.set(uuid, left);
    });
  }

  /**
   * A connection on which the daemon answers: calls that hang take slots of one, and with few slots no other is
   * answered.
   *
   * @throws Error when the daemon answers on none
   */
  async usable(session: Session, time: { readonly signal: AbortSignal; readonly end: number }): Promise<Session> {
    const current = this.#dropped.has(session) ? await this.#sessions.get(time.signal) : session;
    const { connection } = current;
    const waiting = connection.pendingCalls;
    // When time is up nothing more is requested, and a daemon without time to answer is not considered hung.
    if (waiting === 0 || performance.now() >= time.end) return current;
    const full = connection.abandonedCalls >= this.#slots || waiting > this.#slots;
    if (!full && (await this.#answers(current, Math.max(this.#deadline, daemonTimeLimit), time))) return current;

    if (!this.#dropped.has(current)) {
      this.#dropped.add(current);
      this.#sessions.drop(current, notAnswering(current));
    }
    const next = await this.#sessions.get(time.signal);
    const left = time.end - performance.now();
    if (!(await this.#answers(next, left, time))) {
      if (left < daemonTimeLimit) return next;
      const failure = new Error(
        'libvirtd accepts calls but answers none; restart it when it does not recover by itself',
      );
      this.#sessions.drop(next, failure);
      throw failure;
    }
    if (!full && waiting < slotsForStuckCalls && this.#slots === slotsForStuckCalls) {
      this.#slots = 1;
      this.#logger.warn(
        {},
        'libvirtd works on so few calls of a connection at a time that one instance that hangs holds up all others: ' +
          'set max_client_requests in libvirtd.conf to 5 or more. Until then the agent reconnects for each of them',
      );
    }
    return next;
  }

  /** Sends no request for any domain. */
  async #answers(
    { connection }: Session,
    timeout: number,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<boolean> {
    try {
      await connection.libVersion({ timeout: Math.max(1, timeout), signal });
      return true;
    } catch (error) {
      if (!isAbandonedCall(error) || signal.aborted) throw error;
      return false;
    }
  }
}
