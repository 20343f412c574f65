import { describeError } from '@nephoscope/core';
import type { Logger, Missing } from '@nephoscope/core';
import { isAbandonedCall, isConnectionClosed, isNoDomain } from '@nephoscope/libvirt';
import type { Domain, DomainBlockInfo, DomainStatsRecord } from '@nephoscope/libvirt';

import { disksToAsk } from './bulk-stats.js';
import type { DiskToAsk } from './bulk-stats.js';
import type { HostRecord } from './host-record.js';
import type { ImageInfo } from './image-info.js';
import type { DomainDescription } from './domain-xml.js';
import type { Session } from './session.js';

interface Answer {
  readonly state: string;
  readonly info: DomainBlockInfo;
}

// Domains at a time; the daemon works on five calls of a connection, and on one of a domain.
const atOnce = 4;
// How long requests are sent in one reading, and how long the last one may take, ms.
const longest = 2_000;

const notAnswered: Missing = {
  missing: 'busy',
  detail: 'libvirt did not answer in time for the size of this image; it is requested again in the next reading',
};

// For a guest that just started or is about to end, the process's answer must not wait for further requests.
const notAsked: Missing = {
  missing: 'unsupported',
  detail:
    'the size of an image that was written to is not asked for in a reading of one instance; the next reading of all does',
};

/**
 * Sizes of images of running domains that the bulk call does not report. Each image is queried separately, and again
 * only if the bulk figures show that it was written to, so that nothing is queried once a host's disks have grown.
 * After an unanswered query there is no other in a reading.
 */
export class RunningSizes {
  readonly #logger: Logger;
  /** By UUID, then by the disk's name. */
  #known: ReadonlyMap<string, Map<string, Answer>> = new Map();
  /** UUIDs of domains in which a question hangs. */
  readonly #hanging = new Set<string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Earlier answers that are still valid, by disk name; for all others the reason that they were not requested now. */
  known(record: DomainStatsRecord, description: DomainDescription): ReadonlyMap<string, ImageInfo> {
    return this.#answered(record, description, notAsked);
  }

  #answered(
    record: DomainStatsRecord,
    description: DomainDescription,
    otherwise: Missing,
  ): ReadonlyMap<string, ImageInfo> {
    const answers = this.#known.get(record.domain.uuid);
    return new Map(
      disksToAsk(record, description).map(({ device, state }): [string, ImageInfo] => {
        const answer = answers?.get(device);
        return [device, answer?.state === state ? answer.info : otherwise];
      }),
    );
  }

  /** Adds the image sizes of running domains to the records. */
  async add(
    session: Session,
    records: readonly HostRecord[],
    descriptions: ReadonlyMap<string, DomainDescription>,
    { signal, end }: { readonly signal: AbortSignal; readonly end: number },
  ): Promise<readonly HostRecord[]> {
    const before = this.#known;
    const kept = new Map<string, Map<string, Answer>>();
    const questions: { readonly domain: Domain; readonly disks: readonly DiskToAsk[] }[] = [];
    for (const record of records) {
      const { domain } = record;
      const description = descriptions.get(domain.uuid);
      const disks = description === undefined ? [] : disksToAsk(record, description);
      if (disks.length === 0) continue;
      const answers = before.get(domain.uuid);
      const good = disks.flatMap(({ device, state }): [string, Answer][] => {
        const answer = answers?.get(device);
        return answer?.state === state ? [[device, answer]] : [];
      });
      kept.set(domain.uuid, new Map(good));
      const open =
        good.length === disks.length
          ? []
          : disks.filter(({ device }) => !good.some(([known]) => known === device));
      if (open.length > 0 && !this.#hanging.has(domain.uuid)) questions.push({ domain, disks: open });
    }
    this.#known = kept;
    const failures = new Map<string, Map<string, Missing>>();
    if (questions.length > 0) await this.#askAll(session, questions, failures, end, signal);

    return records.map((record) => {
      const { uuid } = record.domain;
      const description = kept.has(uuid) ? descriptions.get(uuid) : undefined;
      if (description === undefined) return record;
      const answered = this.#answered(record, description, notAnswered);
      return { ...record, images: new Map([...answered, ...(failures.get(uuid) ?? [])]) };
    });
  }

  async #askAll(
    session: Session,
    questions: readonly { readonly domain: Domain; readonly disks: readonly DiskToAsk[] }[],
    failures: Map<string, Map<string, Missing>>,
    end: number,
    signal: AbortSignal,
  ): Promise<void> {
    const queue = questions.values();
    const until = Math.min(end, performance.now() + longest);
    let over = false;
    const worker = async (): Promise<void> => {
      for (const { domain, disks } of queue) {
        const failed = new Map<string, Missing>();
        for (const disk of disks) {
          if (over || performance.now() >= until) return;
          const timeout = Math.max(1, Math.min(longest, end - performance.now()));
          const failure = await this.#ask(session, domain, disk, { timeout, signal });
          if (failure === undefined) continue;
          failures.set(domain.uuid, failed.set(disk.device, failure));
          over ||= failure === notAnswered;
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, questions.length) }, worker));
  }

  /** Why there is no answer. */
  async #ask(
    { connection }: Session,
    domain: Domain,
    { device, state }: DiskToAsk,
    options: { readonly timeout: number; readonly signal: AbortSignal },
  ): Promise<Missing | undefined> {
    try {
      const info = await connection.domainBlockInfo(domain, device, options);
      this.#known.get(domain.uuid)?.set(device, { state, info });
      return undefined;
    } catch (error) {
      if (isConnectionClosed(error) || options.signal.aborted) throw error;
      // Its other figures were read before it disappeared.
      if (isNoDomain(error)) return notAnswered;
      if (!isAbandonedCall(error)) return { missing: 'error', detail: describeError(error) };
      this.#hanging.add(domain.uuid);
      void error.late.then(() => this.#hanging.delete(domain.uuid));
      this.#logger.warn(
        { domain: domain.name, device },
        `libvirt did not answer within ${Math.round(options.timeout)} ms for the size of ${device} of ${domain.name}; ` +
          'no more sizes are asked for in this reading, and none of this instance until it answers',
      );
      return notAnswered;
    }
  }
}
