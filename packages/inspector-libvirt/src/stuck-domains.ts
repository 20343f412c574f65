import type { Logger } from '@nephoscope/core';

// A call that hangs in a domain occupies one of libvirtd's twenty workers (max_workers), even after its connection is
// closed. At most this many domains may occupy one, also within one reading. Beyond that, only domains that returned
// everything in the last reading, when the others were hanging already, are queried completely.
const most = 8;
const mostOfWell = 12;

/**
 * Domains in which one of our calls is known to hang, on any connection. Their number is limited so that the daemon has
 * workers for other clients: above the limit, only the host's figures are requested for further domains.
 */
export class StuckDomains {
  readonly #logger: Logger;
  readonly #stuck = new Set<string>();
  /** Domains with a complete answer in the last reading. */
  #well: ReadonlySet<string> = new Set();
  /** Domains not queried in this reading. */
  readonly #unasked = new Set<string>();
  /** Their number when this reading began. */
  #before = 0;
  #logged = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Whether the limit is reached, so that not every domain may be queried. */
  get full(): boolean {
    return this.#stuck.size >= most;
  }

  /** Whether a domain's process may be queried. NOWAIT skips one that already holds a call. */
  mayAsk(uuid: string): boolean {
    if (this.#stuck.has(uuid)) return true;
    const limit = this.#well.has(uuid) ? Math.min(mostOfWell, this.#before + most) : most;
    if (this.#stuck.size < limit) return true;
    this.#unasked.add(uuid);
    return false;
  }

  /** Whether it was not queried in this reading because of others. */
  wasSpared(uuid: string): boolean {
    return this.#unasked.has(uuid);
  }

  add(uuid: string): void {
    this.#stuck.add(uuid);
  }

  /** Ends a reading. @param whole whether each domain's answer was complete; undefined if it failed or is off */
  settle(whole: ReadonlyMap<string, boolean | undefined>): void {
    for (const uuid of this.#stuck) if (!whole.has(uuid)) this.#stuck.delete(uuid);
    for (const [uuid, all] of whole) {
      if (all !== false) this.#stuck.delete(uuid);
      else if (!this.#unasked.has(uuid)) this.#stuck.add(uuid);
    }
    this.#well = new Set([...whole.keys()].filter((uuid) => whole.get(uuid) === true));
    this.#before = this.#stuck.size;
    this.#logSpared([...this.#unasked].filter((uuid) => whole.get(uuid) === false).length);
    this.#unasked.clear();
  }

  #logSpared(spared: number): void {
    if (spared > 0 && !this.#logged)
      this.#logger.warn(
        { hanging: this.#stuck.size, spared },
        `${this.#stuck.size} instances do not answer, and each may hold a worker of libvirtd (max_workers): until fewer do, ` +
          `${spared} more are read without what their processes know`,
      );
    this.#logged = spared > 0;
  }
}
