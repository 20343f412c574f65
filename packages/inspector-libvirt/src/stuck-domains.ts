import type { Logger } from '@nephoscope/core';

// A call that hangs in a domain takes one of libvirtd's twenty workers (max_workers), whatever becomes of its connection.
// So many domains may hold one, and not more in one reading; beyond that only those are asked that told all in the last
// reading, when the others hung already.
const most = 8;
const mostOfWell = 12;

/**
 * Domains in which a call of ours hangs, on whatever connection, as far as anybody knows. They are few, so that the daemon
 * has workers left for everybody else: once there are too many, others are asked for what the host knows of them alone.
 */
export class StuckDomains {
  readonly #logger: Logger;
  readonly #stuck = new Set<string>();
  /** Those that told all in the last reading. */
  #well: ReadonlySet<string> = new Set();
  /** Those that were not asked in this reading. */
  readonly #unasked = new Set<string>();
  /** How many there were when this reading began. */
  #before = 0;
  #told = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Whether there are so many that not every domain may be asked. */
  get full(): boolean {
    return this.#stuck.size >= most;
  }

  /** Whether a domain may be asked for what its process knows. One that holds a call already is passed over by NOWAIT. */
  mayAsk(uuid: string): boolean {
    if (this.#stuck.has(uuid)) return true;
    const limit = this.#well.has(uuid) ? Math.min(mostOfWell, this.#before + most) : most;
    if (this.#stuck.size < limit) return true;
    this.#unasked.add(uuid);
    return false;
  }

  /** Whether it was not asked in this reading, because of others. */
  wasSpared(uuid: string): boolean {
    return this.#unasked.has(uuid);
  }

  add(uuid: string): void {
    this.#stuck.add(uuid);
  }

  /** Ends a reading. @param whole whether each domain of the host told all; undefined where it failed or does not run */
  settle(whole: ReadonlyMap<string, boolean | undefined>): void {
    for (const uuid of this.#stuck) if (!whole.has(uuid)) this.#stuck.delete(uuid);
    for (const [uuid, all] of whole) {
      if (all !== false) this.#stuck.delete(uuid);
      else if (!this.#unasked.has(uuid)) this.#stuck.add(uuid);
    }
    this.#well = new Set([...whole.keys()].filter((uuid) => whole.get(uuid) === true));
    this.#before = this.#stuck.size;
    this.#tell([...this.#unasked].filter((uuid) => whole.get(uuid) === false).length);
    this.#unasked.clear();
  }

  #tell(spared: number): void {
    if (spared > 0 && !this.#told)
      this.#logger.warn(
        { hanging: this.#stuck.size, spared },
        `${this.#stuck.size} instances do not answer, and each may hold a worker of libvirtd (max_workers): until fewer do, ` +
          `${spared} more are read without what their processes know`,
      );
    this.#told = spared > 0;
  }
}
