import { isNephoscopeError, NephoscopeError } from '@nephoscope/core';
import type {
  Clock,
  Health,
  Inspector,
  Instance,
  InstancePart,
  InstanceParts,
  InstanceReading,
  Missing,
  PluginSettings,
} from '@nephoscope/core';
import { isAbandonedCall, isNoDomain } from '@nephoscope/libvirt';
import type { DomainStatsRecord, StatsGroup } from '@nephoscope/libvirt';

import { groupsOf, hasBulkFigures, readPart } from './bulk-stats.js';
import type { Limits } from './device-stats.js';
import type { DomainDescription } from './domain-xml.js';
import { instanceOf, powerStates, runOf } from './instance.js';
import { busy, notReported, off } from './missing.js';
import { defaultUri } from './options.js';
import type { Options } from './options.js';
import { ownerOf } from './owner.js';
import { Sessions } from './session.js';
import type { Session } from './session.js';

// What a reading may take for each domain beyond the configured deadline, ms: thrice what QEMU takes.
const allowancePerDomain = 25;
// Each try that hangs leaves one more domain aside; several may have been stuck before we came.
const tries = 7;
// The tries between the first and the last are only there to find the next stuck domain.
const shareOfTries = 1 / 3;
// The daemon works on five calls of a connection at once; beyond these the next would wait for ever.
const slotsForStuckCalls = 3;

type AnyPart = InstanceParts[InstancePart] | Missing;

interface Known {
  readonly description: DomainDescription;
  readonly instance: Instance;
}

/** Reads every domain of a libvirt host in one bulk call, whatever single domains do. */
export class LibvirtInspector implements Inspector {
  readonly #options: Options;
  readonly #uri: string;
  readonly #host: string;
  readonly #clock: Clock;
  readonly #sessions: Sessions;
  #known: ReadonlyMap<string, Known> = new Map();
  /** How many domains there are, by the last complete answer; undefined when none is to be relied on. */
  #domains: number | undefined;

  constructor({ options, host, clock, logger }: PluginSettings<Options>) {
    this.#options = options;
    this.#uri = options.uri ?? defaultUri[options.hypervisor];
    this.#host = host;
    this.#clock = clock;
    this.#sessions = new Sessions(this.#uri, clock, logger);
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
      return await this.#sessions.use((session) => this.#read(session, parts, signal), signal);
    } catch (error) {
      if (isNephoscopeError(error)) throw error;
      throw new NephoscopeError('INSPECTOR_UNAVAILABLE', `libvirt (${this.#uri}) cannot be read`, {
        cause: error,
      });
    }
  }

  async #read(
    first: Session,
    parts: ReadonlySet<InstancePart>,
    signal: AbortSignal,
  ): Promise<readonly InstanceReading[]> {
    const groups: readonly StatsGroup[] = ['state', ...[...parts].flatMap((part) => groupsOf[part])];
    const { records, session } = await this.#allDomainStats(first, groups, signal);
    const bulk = this.#moment();

    // Id 0 is the hypervisor itself, as Xen's Domain-0.
    const guests = records.filter(({ domain }) => domain.id !== 0);
    const limits = { timeout: this.#deadline(guests.length), signal };
    const descriptions = await session.descriptions.of(
      guests.map(({ domain }) => domain),
      (uuid) => this.#known.get(uuid)?.description,
      limits,
    );
    const known = new Map<string, Known>();
    const readings = await Promise.all(
      guests.map(async (record): Promise<InstanceReading | undefined> => {
        const { domain } = record;
        const description = descriptions.get(domain.uuid);
        if (description === undefined) return undefined;
        const instance = this.#instance(session, record, description);
        known.set(domain.uuid, { description, instance });
        try {
          const read: [InstancePart, AnyPart][] = [];
          for (const part of parts) read.push([part, await readOf(part, session, record, description, limits)]);
          // Calls of their own took their time after the bulk answer.
          const moment = session.reportsInBulk ? bulk : this.#moment();
          return { instance, ...moment, parts: Object.fromEntries(read) };
        } catch (error) {
          if (isNoDomain(error)) return undefined;
          throw error;
        }
      }),
    );
    this.#known = known;
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

  /** The instance of the last reading while nothing in it has changed, so that its metadata stays the same object. */
  #instance(session: Session, { domain, params }: DomainStatsRecord, description: DomainDescription): Instance {
    const place = { host: this.#host, boot: session.boot };
    const state = powerStates[Number(params.get('state.state'))] ?? 'nostate';
    const known = this.#known.get(domain.uuid);
    if (
      known?.description !== description ||
      known.instance.state !== state ||
      known.instance.name !== domain.name
    ) {
      return instanceOf(domain, description, state, ownerOf(domain, description, this.#options.owners), place);
    }
    const run = runOf(domain, place);
    return known.instance.run === run ? known.instance : Object.freeze({ ...known.instance, run });
  }
}

function readOf(
  part: InstancePart,
  session: Session,
  { domain, params }: DomainStatsRecord,
  description: DomainDescription,
  limits: Limits,
): AnyPart | Promise<AnyPart> {
  const running = domain.id >= 0;
  if (session.reportsInBulk) return readPart[part](params, description, running, busy);
  if (hasBulkFigures(params, part)) return readPart[part](params, description, running, notReported);
  if (!running && part !== 'disks') return off;
  return session.devices.read(part, domain, description, limits);
}
