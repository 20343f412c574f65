import { describeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';
import { isConnectionClosed, isNoDomain } from '@nephoscope/libvirt';
import type { CallOptions, Connection, Domain } from '@nephoscope/libvirt';

import { parseDomainXml } from './domain-xml.js';
import type { DomainDescription } from './domain-xml.js';

interface Entry {
  readonly id: number;
  readonly description: DomainDescription;
}

// A connection has five request slots in the daemon; one stays free.
const atOnce = 4;

/**
 * What the XML of each domain says, read once and again when the domain runs under another id or libvirt
 * announces a change. Belongs to one connection: what happens between two is not announced.
 */
export class Descriptions {
  readonly #connection: Connection;
  readonly #logger: Logger;
  readonly #entries = new Map<string, Entry>();
  /** Domains that changed while their XML was on its way. */
  readonly #changed = new Set<string>();

  constructor(connection: Connection, logger: Logger) {
    this.#connection = connection;
    this.#logger = logger;
  }

  /** @throws the libvirt error when events cannot be had */
  async listen(options: CallOptions): Promise<void> {
    const forget = ({ domain }: { readonly domain: Domain }) => {
      this.#entries.delete(domain.uuid);
      this.#changed.add(domain.uuid);
    };
    await Promise.all([
      this.#connection.onLifecycle(forget, options),
      this.#connection.onDeviceAdded(forget, options),
      this.#connection.onDeviceRemoved(forget, options),
    ]);
  }

  /** Descriptions of these domains by UUID, and nothing of any other domain. One that is gone or unreadable is left out. */
  async of(domains: readonly Domain[], options: CallOptions): Promise<ReadonlyMap<string, DomainDescription>> {
    const described = new Map<string, DomainDescription>();
    const unknown: Domain[] = [];
    for (const domain of domains) {
      const entry = this.#entries.get(domain.uuid);
      if (entry?.id === domain.id) described.set(domain.uuid, entry.description);
      else unknown.push(domain);
    }
    if (this.#entries.size > domains.length) this.#forgetOthers(domains);
    this.#changed.clear();

    const queue = unknown.values();
    const worker = async () => {
      for (const domain of queue) {
        const description = await this.#read(domain, options);
        if (description !== undefined) described.set(domain.uuid, description);
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, unknown.length) }, worker));
    return described;
  }

  async #read(domain: Domain, options: CallOptions): Promise<DomainDescription | undefined> {
    try {
      const description = parseDomainXml(await this.#connection.domainXml(domain, options));
      if (!this.#changed.has(domain.uuid)) this.#entries.set(domain.uuid, { id: domain.id, description });
      return description;
    } catch (error) {
      if (isConnectionClosed(error)) throw error;
      if (!isNoDomain(error)) {
        this.#logger.warn({ err: error, domain: domain.name }, `${domain.name} is not read in this cycle, since its XML cannot be: ${describeError(error)}`);
      }
      return undefined;
    }
  }

  #forgetOthers(domains: readonly Domain[]): void {
    const listed = new Set(domains.map(({ uuid }) => uuid));
    for (const uuid of this.#entries.keys()) if (!listed.has(uuid)) this.#entries.delete(uuid);
  }
}
