import { describeError } from '@nephoscope/core';
import type { Clock, Logger, Missing } from '@nephoscope/core';
import { isAbandonedCall, isConnectionClosed } from '@nephoscope/libvirt';

import type { HostRecord } from './host-record.js';
import type { Session } from './session.js';

// Time limit for a disk's size on a busy host, ms; libvirt reads a few KiB of each image.
const longest = 5_000;
// An answer that took longer came from storage that had failed, not from a busy host, ms.
const hang = 30_000;
// Pause before sizes are requested again, ms: each request may lock libvirt's list of domains.
const rest = 3_600_000;

/**
 * Sizes of the disks of domains that are shut off. For these libvirt opens the images and holds the domain's lock: if
 * the storage does not answer, even `virsh list` hangs. So each domain is queried separately, and after the first
 * unanswered query there is no other.
 */
export class ShutOffSizes {
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** The domain that libvirt does not answer for, as it was listed last. */
  #locked = new Map<string, HostRecord>();
  #reason: Missing | undefined;
  /** Until when none is requested, on the monotonic clock. */
  #until = 0n;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Domains that libvirt holds locked, by UUID; calls for them, or for all domains, hang. */
  get locked(): ReadonlyMap<string, HostRecord> {
    return this.#locked;
  }

  /** The records with the sizes of those that are shut off. */
  async add(
    session: Session,
    records: readonly HostRecord[],
    { signal, end }: { readonly signal: AbortSignal; readonly end: number },
  ): Promise<readonly HostRecord[]> {
    const complete: HostRecord[] = [];
    for (const record of records)
      complete.push(record.domain.id >= 0 ? record : await this.#withSizes(session, record, signal, end));
    return complete;
  }

  async #withSizes(session: Session, record: HostRecord, signal: AbortSignal, end: number): Promise<HostRecord> {
    if (this.#reason !== undefined && this.#clock.monotonic() < this.#until)
      return { ...record, failure: this.#reason };
    this.#reason = undefined;
    const timeout = Math.max(1, Math.min(longest, end - performance.now()));
    const query = {
      groups: ['block'] as const,
      flags: { nowait: session.bulk.nowait, inactive: true },
      domains: [record.domain],
    };
    try {
      const [sizes] = await session.connection.allDomainStats(query, { timeout, signal });
      // Started meanwhile, so its previous sizes no longer apply.
      if (sizes === undefined) return record;
      return { ...record, params: new Map([...record.params, ...sizes.params]) };
    } catch (error) {
      if (isConnectionClosed(error) || signal.aborted) throw error;
      if (!isAbandonedCall(error))
        return { ...record, failure: { missing: 'error', detail: describeError(error) } };
      return this.#leave(record, error.late);
    }
  }

  #leave(record: HostRecord, late: Promise<void>): HostRecord {
    const { name, uuid } = record.domain;
    const reason: Missing = {
      missing: 'busy',
      detail: `libvirt did not answer for the disks of ${name}, which is shut off; no sizes of instances that are shut off are asked for meanwhile`,
    };
    const asked = this.#clock.monotonic();
    this.#reason = reason;
    this.#until = 2n ** 63n;
    this.#locked = new Map([[uuid, { ...record, failure: reason }]]);
    void late.then(() => {
      this.#locked = new Map();
      const now = this.#clock.monotonic();
      const took = Number((now - asked) / 1_000_000n);
      this.#until = took < hang ? now : now + BigInt(rest) * 1_000_000n;
    });
    this.#logger.warn(
      { domain: name },
      `libvirt does not answer for the sizes of the disks of ${name}, which is shut off: storage of its images does not answer. ` +
        'Until it does libvirt can list no instances, and `virsh list` hangs; those that are known are read on, ' +
        'and no more sizes of instances that are shut off are asked for. Bring the storage back, or take the image out of it',
    );
    return { ...record, failure: reason };
  }
}
