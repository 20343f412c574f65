import type { StoredRun } from './state/stored-epochs.js';

/** How many gone instances are kept. */
export interface GoneBounds {
  /** In full: the latest. */
  readonly full: number;
  /** Of others, the necessary part: see `remainsOf`. */
  readonly remains: number;
}

/**
 * The state of instances that the hypervisor no longer lists, as JSON, in the order in which they disappeared. One
 * that returns in its run continues its series.
 */
export class GoneRuns {
  readonly #bounds: GoneBounds;
  readonly #full = new Map<string, string>();
  readonly #remains = new Map<string, string>();

  constructor(bounds: GoneBounds) {
    this.#bounds = bounds;
  }

  add(id: string, stored: StoredRun): void {
    this.#remains.delete(id);
    this.#full.set(id, JSON.stringify(stored));
  }

  /** Removes and returns the state of an instance that has returned. */
  take(id: string): StoredRun | undefined {
    const text = this.textOf(id);
    if (text === undefined) return undefined;
    this.#full.delete(id);
    this.#remains.delete(id);
    return JSON.parse(text) as StoredRun;
  }

  textOf(id: string): string | undefined {
    return this.#full.get(id) ?? this.#remains.get(id);
  }

  /** The earliest first. */
  *texts(): Generator<readonly [id: string, text: string], void, undefined> {
    yield* this.#remains;
    yield* this.#full;
  }

  /**
   * Reduces the state to the limits; returns the ids of reduced instances, and of those discarded although they had
   * an epoch of their own.
   */
  trim(): { readonly reduced: readonly string[]; readonly forgotten: readonly string[] } {
    const reduced = first(this.#full, this.#bounds.full);
    for (const id of reduced) {
      const remains = remainsOf(JSON.parse(this.#full.get(id)!) as StoredRun);
      this.#full.delete(id);
      if (remains !== undefined) this.#remains.set(id, JSON.stringify(remains));
    }
    const forgotten = first(this.#remains, this.#bounds.remains);
    for (const id of forgotten) this.#remains.delete(id);
    return { reduced, forgotten };
  }
}

/** The earliest ones beyond the limit. */
function first(of: ReadonlyMap<string, unknown>, most: number): readonly string[] {
  const ids: string[] = [];
  if (of.size <= most) return ids;
  for (const id of of.keys()) {
    ids.push(id);
    if (of.size - ids.length <= most) break;
  }
  return ids;
}

/**
 * The state of an instance without which an epoch could begin twice: that a run of this name is over, series that do
 * not count in the epoch in which a new one would, and totals that include gone parts. Undefined if there is none: an
 * unknown series counts in the same epoch again, which is right unless it fell meanwhile.
 */
function remainsOf({ series, ...run }: StoredRun): StoredRun | undefined {
  const { begun = 0 } = run;
  const kept = Object.entries(series).filter(
    ([, [, resets, , gone = '0', , away = []]]) => resets !== begun || gone !== '0' || away.length > 0,
  );
  if (kept.length === 0 && run.recurrence === 0 && !run.ended && begun === 0) return undefined;
  return { ...run, series: Object.fromEntries(kept) };
}
