import type { Counter, Instance, Total } from '@nephoscope/core';

import { Series } from './series.js';
import type { StoredSeries } from './series.js';

interface Run {
  readonly run: string;
  /** How often another run came under this name, after the instance was seen to be off. */
  readonly recurrence: number;
  ended: boolean;
  /** ms since 1970 */
  lastSeen: number;
  /** How often a series that is new is taken to have begun anew: more often than any that was forgotten. */
  begun: number;
  series: Map<string, Series>;
}

/** As it is kept on disk, each instance by itself. */
export type StoredEpochs = Record<
  string,
  {
    run: string;
    recurrence: number;
    ended: boolean;
    lastSeen: number;
    begun?: number | undefined;
    series: Record<string, StoredSeries>;
  }
>;

/** A counter, and the epoch that it counts from where it has one. */
export interface Settled {
  readonly counter: Counter;
  readonly epoch: string | undefined;
}

// An instance that is not listed may come back in the same run, as when a group excludes it for a while.
const forgetAfter = 30 * 24 * 3_600_000;
// Of a device that is gone, or that the pollsters of another interval read.
const keepSeriesFor = 24 * 3_600_000;
const mostUnseen = 100;

/**
 * Makes counters of totals, and tells which run of an instance a cumulative volume counts from. Within one epoch a
 * series never falls; a new epoch counts from 0. The hypervisor names the run; when it gives one name twice, as a
 * daemon does that numbers anew, the next is `<run>.1`. A volume that falls within a run, and a device that was plugged
 * in anew, begin an epoch `<run>+1`, `+2`, … of that series. A total has one epoch a run: what its devices had used
 * that are gone is kept in it.
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
          begun: known.begun ?? 0,
          series: new Map(Object.entries(series).map(([key, one]) => [key, new Series(one)])),
        },
      ]),
    );
  }

  /** Undefined for a total of which a part is missing. Other types than cumulative, and instances without a run, have no epoch. */
  settle(made: Counter | Total, instance: Instance, now: number): Settled | undefined {
    if (instance.run === undefined) this.#end(instance.id);
    if ('parts' in made) return this.#settleTotal(made, instance, now);
    if (made.type !== 'cumulative' || instance.run === undefined || !isFinite(made.volume))
      return { counter: made, epoch: undefined };
    const run = this.#run(instance.id, instance.run, now);
    const series = seriesOf(run, made, String(made.volume));
    series.seen = now;
    series.count(made.volume, made.plugging);
    return { counter: made, epoch: epochOf(run, series) };
  }

  #settleTotal(total: Total, instance: Instance, now: number): Settled | undefined {
    const volumes = [
      total.whole ?? 0n,
      ...total.parts.map(({ volume }) => (typeof volume === 'object' ? 0n : volume)),
    ];
    if (!volumes.every(isFinite)) return { counter: counterOf(total, NaN), epoch: undefined };
    const run = instance.run === undefined ? undefined : this.#run(instance.id, instance.run, now);
    const series = run === undefined ? new Series() : seriesOf(run, total, '0');
    series.seen = now;
    const volume = series.total(total);
    if (volume === undefined) return undefined;
    return { counter: counterOf(total, volume), epoch: run && epochOf(run, series) };
  }

  toJSON(): StoredEpochs {
    const stored: StoredEpochs = {};
    for (const [id, { series, begun, ...known }] of this.#runs)
      stored[id] = {
        ...known,
        ...(begun === 0 ? {} : { begun }),
        series: Object.fromEntries([...series].map(([key, one]) => [key, one.toJSON()])),
      };
    return stored;
  }

  forgetUnseen(now: number): void {
    for (const [id, run] of this.#runs) {
      if (now - run.lastSeen > forgetAfter) this.#runs.delete(id);
      else if (run.series.size > mostUnseen) this.#forgetSeries(run, now);
    }
  }

  /** Devices that come and go under ever new names leave series behind. */
  #forgetSeries(run: Run, now: number): void {
    for (const series of run.series.values()) series.seen ??= now;
    const unseen = [...run.series]
      .filter(([, { seen = now }]) => now - seen > keepSeriesFor)
      .sort(([, { seen: one = now }], [, { seen: other = now }]) => one - other);
    for (const [key, { resets }] of unseen.slice(0, Math.max(0, unseen.length - mostUnseen))) {
      run.series.delete(key);
      run.begun = Math.max(run.begun, resets + 1);
    }
  }

  #end(id: string): void {
    const known = this.#runs.get(id);
    if (known === undefined || known.ended) return;
    known.ended = true;
    this.revision += 1;
  }

  /** The run that the instance is in, which is seen and will change. */
  #run(id: string, run: string, now: number): Run {
    let known = this.#runs.get(id);
    if (known === undefined || known.run !== run || known.ended) {
      const recurrence = known?.run === run ? known.recurrence + 1 : 0;
      known = { run, recurrence, ended: false, lastSeen: now, begun: 0, series: new Map() };
      this.#runs.set(id, known);
    }
    known.lastSeen = now;
    this.revision += 1;
    return known;
  }
}

/** @param first its volume so far, where it is new */
function seriesOf({ series, begun }: Run, { name, resourceId }: Counter | Total, first: string): Series {
  const key = `${name} ${resourceId}`;
  let known = series.get(key);
  if (known === undefined) series.set(key, (known = new Series([first, begun])));
  return known;
}

function epochOf({ run, recurrence }: Run, { resets }: Series): string {
  const name = recurrence === 0 ? run : `${run}.${recurrence}`;
  return resets === 0 ? name : `${name}+${resets}`;
}

function counterOf(total: Total, volume: number | bigint): Counter {
  const { name, type, unit, userId, projectId, resourceId, timestamp, resourceMetadata } = total;
  return { name, type, unit, volume, userId, projectId, resourceId, timestamp, resourceMetadata };
}

// What is not finite will be refused when it is signed, and nothing can be compared with it.
const isFinite = (volume: number | bigint): boolean => typeof volume === 'bigint' || Number.isFinite(volume);
