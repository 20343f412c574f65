import { describeError, NephoscopeError } from '@nephoscope/core';
import type { Clock, Health, Inspector, Instance, InstancePart, InstanceReading, PluginSettings } from '@nephoscope/core';
import { isAbandonedCall, isConnectionClosed, isNoDomain } from '@nephoscope/libvirt';
import type { Domain, DomainStatsRecord, StatsGroup } from '@nephoscope/libvirt';

import { groupsOf, hasBulkFigures, readPart } from './bulk-stats.js';
import { readPartByCalls } from './device-stats.js';
import type { DomainDescription } from './domain-xml.js';
import { instanceOf, powerStates } from './instance.js';
import { busy, notReported, off } from './missing.js';
import { defaultUri } from './options.js';
import type { Options } from './options.js';
import { ownerOf } from './owner.js';
import { Sessions } from './session.js';
import type { Session } from './session.js';

// What a reading may take for each instance beyond the configured deadline, ms: thrice what QEMU takes.
const allowancePerInstance = 25;
// Each try that hangs leaves one more instance aside; several may have been stuck before we came.
const tries = 4;
// The daemon works on five calls of a connection at once; beyond these the next would wait for ever.
const slotsForStuckCalls = 3;

/** Reads every domain of a libvirt host in one bulk call, whatever single domains do. */
export class LibvirtInspector implements Inspector {
  readonly #options: Options;
  readonly #host: string;
  readonly #clock: Clock;
  readonly #sessions: Sessions;
  #instances = new Map<string, { readonly description: DomainDescription; readonly instance: Instance }>();

  constructor({ options, host, clock, logger }: PluginSettings<Options>) {
    this.#options = options;
    this.#host = host;
    this.#clock = clock;
    this.#sessions = new Sessions(options.uri ?? defaultUri[options.hypervisor], clock, logger);
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#sessions.start(signal);
  }

  stop(): Promise<void> {
    return this.#sessions.stop();
  }

  health(): Health {
    return this.#sessions.health();
  }

  async inspect(parts: ReadonlySet<InstancePart>, signal: AbortSignal): Promise<readonly InstanceReading[]> {
    try {
      return await this.#read(await this.#sessions.get(signal), parts, signal);
    } catch (error) {
      // The daemon may have been restarted since the last cycle, or in the middle of this one.
      if (!isConnectionClosed(error)) throw unavailable(error);
    }
    try {
      return await this.#read(await this.#sessions.get(signal), parts, signal);
    } catch (error) {
      throw unavailable(error);
    }
  }

  async #read(session: Session, parts: ReadonlySet<InstancePart>, signal: AbortSignal): Promise<readonly InstanceReading[]> {
    const groups: readonly StatsGroup[] = ['state', ...[...parts].flatMap((part) => groupsOf[part])];
    const { records, session: answered } = await this.#allDomainStats(session, groups, signal);
    const bulk = this.#moment();

    // Id 0 is the hypervisor itself, as Xen's Domain-0.
    const guests = records.filter(({ domain }) => domain.id !== 0);
    const options = { timeout: this.#deadline(guests.length), signal };
    const described = await answered.descriptions.of(guests.map(({ domain }) => domain), options);
    const instances = new Map<string, { readonly description: DomainDescription; readonly instance: Instance }>();
    const readings = await Promise.all(
      guests.map(async ({ domain, params }): Promise<InstanceReading | undefined> => {
        const description = described.get(domain.uuid);
        if (description === undefined) return undefined;
        const instance = this.#instance(answered, domain, description, Number(params.get('state.state') ?? 0));
        instances.set(domain.uuid, { description, instance });
        try {
          const read = await Promise.all([...parts].map(async (part) => [part, await this.#part(part, answered, { domain, params }, description, options)] as const));
          // Calls of their own took their time after the bulk answer.
          const moment = answered.reportsInBulk ? bulk : this.#moment();
          return { instance, ...moment, parts: Object.fromEntries(read) };
        } catch (error) {
          if (isNoDomain(error)) return undefined;
          throw error;
        }
      }),
    );
    this.#instances = instances;
    return readings.filter((reading) => reading !== undefined);
  }

  #part(part: InstancePart, session: Session, { domain, params }: DomainStatsRecord, description: DomainDescription, options: { readonly timeout: number; readonly signal: AbortSignal }) {
    const running = domain.id >= 0;
    if (session.reportsInBulk || hasBulkFigures(params, part)) {
      return readPart[part](params, description, running, session.reportsInBulk ? busy : notReported);
    }
    if (!running && part !== 'disks') return off;
    return readPartByCalls[part](session.connection, domain, description, options);
  }

  /**
   * With NOWAIT the daemon passes over domains that another job holds, but the call that finds one hung waits
   * in it without end. It then holds that domain itself, so the next call passes over it: after as many tries as
   * there are newly hung domains the others are read at once, in this cycle and the next.
   */
  async #allDomainStats(first: Session, groups: readonly StatsGroup[], signal: AbortSignal): Promise<{ readonly records: readonly DomainStatsRecord[]; readonly session: Session }> {
    const query = { groups, flags: { nowait: true } };
    let session = first;
    for (let left = tries; ; left--) {
      if (session.connection.abandonedCalls >= slotsForStuckCalls) {
        await this.#sessions.renew(session);
        session = await this.#sessions.get(signal);
      }
      try {
        const records = await session.connection.allDomainStats(query, { timeout: this.#deadline(this.#instances.size), signal });
        return { records, session };
      } catch (error) {
        if (!isAbandonedCall(error) || signal.aborted || left === 1) throw error;
      }
    }
  }

  #moment(): { readonly readAt: bigint; readonly readAtMonotonic: bigint } {
    return { readAt: this.#clock.now(), readAtMonotonic: this.#clock.monotonic() };
  }

  #deadline(instances: number): number {
    return this.#options.deadline * 1_000 + instances * allowancePerInstance;
  }

  /** The instance of the last reading while nothing in it has changed, so that its metadata stays the same object. */
  #instance(session: Session, domain: Domain, description: DomainDescription, stateNumber: number): Instance {
    const state = powerStates[stateNumber] ?? 'nostate';
    const known = this.#instances.get(domain.uuid);
    if (known?.description === description && known.instance.state === state) return known.instance;
    return instanceOf(domain, description, state, ownerOf(domain, description, this.#options.owners), { host: this.#host, boot: session.boot });
  }
}

function unavailable(error: unknown): NephoscopeError {
  if (error instanceof NephoscopeError) return error;
  return new NephoscopeError('INSPECTOR_UNAVAILABLE', `libvirt cannot be read: ${describeError(error)}`, { cause: error });
}
