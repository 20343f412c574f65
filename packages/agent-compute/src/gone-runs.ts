import type { StoredRun } from './state/stored-epochs.js';

/** How many instances that are gone are remembered. */
export interface GoneBounds {
  /** In full, those that went last. */
  readonly full: number;
  /** Of others what they cannot be without: see `remainsOf`. */
  readonly remains: number;
}

/**
 * What is known of instances that the hypervisor does not list, as JSON, in the order in which they went. One that comes
 * back in its run goes on where it was.
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

  /** What is known of one, which is gone no longer. */
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

  /** Those that went first, first. */
  *texts(): Generator<readonly [id: string, text: string], void, undefined> {
    yield* this.#remains;
    yield* this.#full;
  }

  /** Keeps to the bounds; gives the ids of those of which less is known now, and how many are forgotten that had an epoch of their own. */
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

/** Those that are too many. */
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
 * What must be known of an instance so that no epoch is begun twice: that a run of the name is over, series that do not
 * count in the epoch in which a new one would, and totals with something in them that is gone. Undefined when that is
 * nothing: what is not known is counted in the same epoch again, which is right unless it fell meanwhile.
 */
function remainsOf({ series, ...run }: StoredRun): StoredRun | undefined {
  const { begun = 0 } = run;
  const kept = Object.entries(series).filter(
    ([, [, resets, , gone = '0', , away = []]]) => resets !== begun || gone !== '0' || away.length > 0,
  );
  if (kept.length === 0 && run.recurrence === 0 && !run.ended && begun === 0) return undefined;
  return { ...run, series: Object.fromEntries(kept) };
}
