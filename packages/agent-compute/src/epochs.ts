import type { Counter, Instance } from '@nephoscope/core';

/** What is remembered of one cumulative series: its last volume, and how often it fell within the run. */
interface Series {
  volume: number | bigint;
  resets: number;
}

interface Run {
  readonly run: string;
  /** How often another run came under this name, after the instance was seen to be off. */
  readonly recurrence: number;
  ended: boolean;
  /** ms since 1970 */
  lastSeen: number;
  series: Map<string, Series>;
}

/** As it is kept on disk: volumes as text, since JSON's numbers are too small. */
export type StoredEpochs = Record<
  string,
  {
    run: string;
    recurrence: number;
    ended: boolean;
    lastSeen: number;
    series: Record<string, [volume: string, resets: number]>;
  }
>;

// An instance that is not listed may come back in the same run, as when a group excludes it for a while.
const forgetAfter = 30 * 24 * 3_600_000;

/**
 * Tells which run of an instance a cumulative volume counts from. Within one epoch a series never falls;
 * a new epoch counts from 0. The hypervisor names the run; when it gives one name twice, as a daemon does that
 * numbers anew, the next is `<run>.1`. A volume that falls within a run (a disk that was plugged in anew under its
 * old name) begins an epoch `<run>+1`, `+2`, … of that series.
 */
export class Epochs {
  readonly #runs: Map<string, Run>;
  /** Grows with every change, so that what has not changed need not be written again. */
  revision = 0;

  constructor(stored: StoredEpochs = {}) {
    this.#runs = new Map(
      Object.entries(stored).map(([id, { series, ...known }]) => [
        id,
        {
          ...known,
          series: new Map(
            Object.entries(series).map(([key, [volume, resets]]) => [
              key,
              { volume: parseVolume(volume), resets },
            ]),
          ),
        },
      ]),
    );
  }

  /** The epoch of a cumulative counter; undefined for other types and while the instance has no run. */
  of(counter: Counter, instance: Instance, now: number): string | undefined {
    let known = this.#runs.get(instance.id);
    if (instance.run === undefined) {
      if (known !== undefined && !known.ended) {
        known.ended = true;
        this.revision += 1;
      }
      return undefined;
    }
    if (counter.type !== 'cumulative') return undefined;
    // It will be refused when it is signed, and nothing can be compared with it.
    if (typeof counter.volume === 'number' && !Number.isFinite(counter.volume)) return undefined;
    this.revision += 1;
    if (known === undefined || known.run !== instance.run || known.ended) {
      const recurrence = known?.run === instance.run ? known.recurrence + 1 : 0;
      known = { run: instance.run, recurrence, ended: false, lastSeen: now, series: new Map() };
      this.#runs.set(instance.id, known);
    }
    known.lastSeen = now;
    const name = known.recurrence === 0 ? known.run : `${known.run}.${known.recurrence}`;
    const key = `${counter.name} ${counter.resourceId}`;
    const series = known.series.get(key);
    if (series === undefined) {
      known.series.set(key, { volume: counter.volume, resets: 0 });
      return name;
    }
    if (counter.volume < series.volume) series.resets += 1;
    series.volume = counter.volume;
    return series.resets === 0 ? name : `${name}+${series.resets}`;
  }

  toJSON(): StoredEpochs {
    const stored: StoredEpochs = {};
    for (const [id, { series, ...known }] of this.#runs) {
      stored[id] = {
        ...known,
        series: Object.fromEntries(
          [...series].map(([key, { volume, resets }]) => [key, [String(volume), resets]]),
        ),
      };
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
