import { isDeepStrictEqual } from 'node:util';

import { describeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';
import { isAbandonedCall, isConnectionClosed, isNoDomain, LifecycleEventType } from '@nephoscope/libvirt';
import type { CallOptions, Connection, DeviceEvent, Domain, TypedParams } from '@nephoscope/libvirt';

import { topImages } from './bulk-stats.js';
import { continueDisk } from './disk-xml.js';
import { parseDomainXml, undescribed } from './domain-xml.js';
import type { DomainDescription } from './domain-xml.js';

interface Entry {
  readonly id: number;
  /** Undefined until it was read. */
  description: DomainDescription | undefined;
}

// Other events of this kind have another id, or change nothing in the XML.
const changes: ReadonlySet<number> = new Set([LifecycleEventType.defined, LifecycleEventType.undefined]);

// A connection has five request slots in the daemon; one stays free.
const atOnce = 4;

/**
 * The contents of each domain's XML, read once, and again when the domain has another id or libvirt announces a
 * change. Belongs to one connection, because changes between two are not announced.
 */
export class Descriptions {
  readonly #connection: Connection;
  readonly #logger: Logger;
  /** Whether libvirt sends change events; without them a description is valid for one reading only. */
  #hasEvents = false;
  readonly #entries = new Map<string, Entry>();
  /** The last description of each domain by UUID, possibly outdated. */
  readonly #before = new Map<string, Entry>();
  /** Aliases of devices that were plugged or unplugged since then, by UUID. */
  readonly #announced = new Map<string, Set<string>>();
  readonly #cardNumber: (name: string) => Promise<string | undefined>;
  /** Why the XML of a domain could not be read, by UUID; logged once. */
  readonly #failures = new Map<string, string>();
  /** UUIDs of domains with an invalid creation time; logged once. */
  readonly #loggedTimes = new Set<string>();
  /** UUIDs of domains with an unanswered request for their XML; not requested again until it is answered. */
  readonly #hanging = new Set<string>();

  /** @param cardNumber distinguishes a network device from others with the same name */
  constructor(connection: Connection, logger: Logger, cardNumber: (name: string) => Promise<string | undefined>) {
    this.#connection = connection;
    this.#logger = logger;
    this.#cardNumber = cardNumber;
  }

  /** @throws the libvirt error when events cannot be had; then each reading reads all XML */
  async listen(options: CallOptions): Promise<void> {
    const forget = ({ domain }: { readonly domain: Domain }) => void this.#entries.delete(domain.uuid);
    const announce = ({ domain, device }: DeviceEvent) => {
      forget({ domain });
      const devices = this.#announced.get(domain.uuid) ?? new Set();
      this.#announced.set(domain.uuid, devices.add(device));
    };
    this.#hasEvents = false;
    await Promise.all([
      this.#connection.onLifecycle((event) => changes.has(event.event) && forget(event), options),
      this.#connection.onDeviceAdded(announce, options),
      this.#connection.onDeviceRemoved(announce, options),
    ]);
    this.#hasEvents = true;
  }

  /**
   * Discards a description if the disks have other images than in the current reading, because no event reports
   * snapshots and copies.
   */
  compare({ uuid, id }: Domain, params: TypedParams): void {
    const description = this.known({ uuid, id } as Domain);
    if (description === undefined) return;
    const images = topImages(params);
    const differs = description.disks.some(({ device, plugging }) => {
      const image = images.get(device);
      return image !== undefined && plugging?.includes(image) !== true;
    });
    if (differs) this.#entries.delete(uuid);
  }

  /** The description of a domain that need not be read again. */
  known({ uuid, id }: Domain): DomainDescription | undefined {
    if (!this.#hasEvents) return undefined;
    const entry = this.#entries.get(uuid);
    return entry?.id === id ? entry.description : undefined;
  }

  /**
   * Descriptions of these domains by UUID. A domain that disappeared is omitted; for one whose XML cannot be read in
   * time, it is the one before, marked as outdated.
   *
   * @param before their previous descriptions, whose objects are reused where nothing has changed
   * @param options the time is for all of them together
   */
  async of(
    domains: readonly Domain[],
    before: (uuid: string) => DomainDescription | undefined,
    { timeout, signal }: { readonly timeout: number; readonly signal: AbortSignal },
  ): Promise<ReadonlyMap<string, DomainDescription>> {
    const described = new Map<string, DomainDescription>();
    const unknown: Domain[] = [];
    for (const domain of domains) {
      const description = this.known(domain);
      if (description === undefined) unknown.push(domain);
      else described.set(domain.uuid, description);
    }
    if (unknown.length === 0) return described;

    const end = performance.now() + timeout;
    const queue = unknown.values();
    const worker = async () => {
      for (const domain of queue) {
        const description = await this.#read(domain, before(domain.uuid), {
          signal,
          timeout: Math.max(1, end - performance.now()),
        });
        if (description !== undefined) described.set(domain.uuid, description);
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, unknown.length) }, worker));
    signal.throwIfAborted();
    return described;
  }

  async #read(
    domain: Domain,
    before: DomainDescription | undefined,
    options: CallOptions,
  ): Promise<DomainDescription | undefined> {
    // An event from now on deletes the entry, so the next reading requests it again.
    const entry: Entry = { id: domain.id, description: undefined };
    this.#entries.set(domain.uuid, entry);
    try {
      if (this.#hanging.has(domain.uuid)) return outdated(before);
      entry.description = inherit(before, await this.#describe(domain, options));
      this.#before.set(domain.uuid, entry);
      this.#failures.delete(domain.uuid);
      return entry.description;
    } catch (error) {
      if (isConnectionClosed(error)) throw error;
      if (isNoDomain(error)) return undefined;
      if (isAbandonedCall(error) && options.signal?.aborted !== true) this.#leave(domain, error.late);
      this.#logUnread(domain, before, error);
      return outdated(before);
    }
  }

  async #describe(domain: Domain, options: CallOptions): Promise<DomainDescription> {
    const xml = await this.#connection.domainXml(domain, options);
    const announced = this.#announced.get(domain.uuid) ?? new Set();
    this.#announced.delete(domain.uuid);
    const now = parseDomainXml(xml);
    if (now.nova?.hasWrongTime === true) this.#logWrongTime(domain);
    const before = this.#before.get(domain.uuid);
    const disks = before?.id === domain.id ? before.description?.disks : undefined;
    return Object.freeze({
      ...now,
      disks: now.disks.map((disk) =>
        continueDisk(
          disks?.find(({ device }) => device === disk.device),
          disk,
          announced,
        ),
      ),
      vnics: await Promise.all(
        now.vnics.map(async (vnic) => {
          const number = await this.#cardNumber(vnic.name);
          if (number === undefined) return vnic;
          return Object.freeze({ ...vnic, plugging: Object.freeze([number, ...(vnic.plugging ?? [])]) });
        }),
      ),
    });
  }

  #leave({ uuid }: Domain, late: Promise<void>): void {
    this.#hanging.add(uuid);
    void late.then(() => this.#hanging.delete(uuid));
  }

  #logUnread({ name, uuid }: Domain, before: DomainDescription | undefined, error: unknown): void {
    const reason = describeError(error);
    if (this.#failures.get(uuid) === reason) return;
    this.#failures.set(uuid, reason);
    const without = before === undefined || before === undescribed;
    this.#logger.warn(
      { err: error, domain: name },
      without
        ? `${name} is metered without its owner, flavor and the like, since its XML cannot be read: ${reason}`
        : `${name} is metered with what was last known of it, since its XML cannot be read: ${reason}`,
    );
  }

  #logWrongTime({ name, uuid }: Domain): void {
    if (this.#loggedTimes.has(uuid)) return;
    this.#loggedTimes.add(uuid);
    this.#logger.warn(
      { domain: name },
      `${name} is metered without 'created_at': what nova wrote there is no time`,
    );
  }

  forgetOthers(uuids: ReadonlySet<string>): void {
    for (const uuid of this.#failures.keys()) if (!uuids.has(uuid)) this.#failures.delete(uuid);
    for (const uuid of this.#loggedTimes) if (!uuids.has(uuid)) this.#loggedTimes.delete(uuid);
    for (const known of [this.#before, this.#announced])
      for (const uuid of known.keys()) if (!uuids.has(uuid)) known.delete(uuid);
    for (const uuid of this.#entries.keys()) if (!uuids.has(uuid)) this.#entries.delete(uuid);
  }
}

/** The previous description while it cannot be read again; the same object for as long as that lasts. */
function outdated(before: DomainDescription | undefined): DomainDescription {
  if (before === undefined) return undescribed;
  return before.outdated ? before : Object.freeze({ ...before, outdated: true });
}

/** The new description, reusing the objects of the previous one where they are equal. */
function inherit(before: DomainDescription | undefined, now: DomainDescription): DomainDescription {
  if (before === undefined) return now;
  if (isDeepStrictEqual(before, now)) return before;
  const same = <Device>(devices: readonly Device[], device: Device) =>
    devices.find((other) => isDeepStrictEqual(other, device)) ?? device;
  return Object.freeze({
    ...now,
    disks: now.disks.map((disk) => same(before.disks, disk)),
    vnics: now.vnics.map((vnic) => same(before.vnics, vnic)),
  });
}
