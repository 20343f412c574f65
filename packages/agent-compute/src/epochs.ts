import type { Counter, Instance } from '@nephoscope/core';

/** What is remembered of one cumulative series: its last volume, and how often it fell within the run. */
interface Series {
  volume: number | bigint;
  resets: number;
}

interface Run {
  run: string;
  /** ms since 1970 */
  lastSeen: number;
  series: Map<string, Series>;
}

/** As it is kept on disk: volumes as text, since JSON's numbers are too small. */
export type StoredEpochs = Record<string, { run: string; lastSeen: number; series: Record<string, [volume: string, resets: number]> }>;

// An instance that is not listed may come back in the same run, as when a group excludes it for a while.
const forgetAfter = 30 * 24 * 3_600_000;

/**
 * Tells which run of an instance a cumulative volume counts from. Within one epoch a series never falls;
 * a new epoch counts from 0. The hypervisor names the run; a volume that falls within it (a disk that was
 * plugged in anew under its old name) begins an epoch `<run>+1`, `+2`, … of that series.
 */
export class Epochs {
  readonly #runs: Map<string, Run>;

  constructor(stored: StoredEpochs = {}) {
    this.#runs = new Map(
      Object.entries(stored).map(([id, { run, lastSeen, series }]) => [
        id,
        { run, lastSeen, series: new Map(Object.entries(series).map(([key, [volume, resets]]) => [key, { volume: parseVolume(volume), resets }])) },
      ]),
    );
  }

  /** The epoch of a cumulative counter; undefined for other types and while the instance has no run. */
  of(counter: Counter, instance: Instance, now: number): string | undefined {
    if (counter.type !== 'cumulative' || instance.run === undefined) return undefined;
    // It will be refused when it is signed, and nothing can be compared with it.
    if (typeof counter.volume === 'number' && !Number.isFinite(counter.volume)) return undefined;
    let known = this.#runs.get(instance.id);
    if (known?.run !== instance.run) {
      known = { run: instance.run, lastSeen: now, series: new Map() };
      this.#runs.set(instance.id, known);
    }
    known.lastSeen = now;
    const key = `${counter.name} ${counter.resourceId}`;
    const series = known.series.get(key);
    if (series === undefined) {
      known.series.set(key, { volume: counter.volume, resets: 0 });
      return known.run;
    }
    if (counter.volume < series.volume) series.resets += 1;
    series.volume = counter.volume;
    return series.resets === 0 ? known.run : `${known.run}+${series.resets}`;
  }

  toJSON(): StoredEpochs {
    const stored: StoredEpochs = {};
    for (const [id, { run, lastSeen, series }] of this.#runs) {
      stored[id] = { run, lastSeen, series: Object.fromEntries([...series].map(([key, { volume, resets }]) => [key, [String(volume), resets]])) };
    }
    return stored;
  }

  forgetUnseen(now: number): void {
    for (const [id, { lastSeen }] of this.#runs) if (now - lastSeen > forgetAfter) this.#runs.delete(id);
  }
}

function parseVolume(text: string): number | bigint {
  return /^-?\d+$/.test(text) ? BigInt(text) : Number(text);
}
