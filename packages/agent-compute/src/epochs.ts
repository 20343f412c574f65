import type { Counter } from '@nephoscope/core';
import type { Instance } from '@nephoscope/core/instance';
import type { PolledCounter, PolledTotal } from '@nephoscope/runtime/replies';

import { GoneRuns } from './gone-runs.js';
import type { GoneBounds } from './gone-runs.js';
import { Series } from './series.js';
import type { StoredEpochs, StoredRun } from './state/stored-epochs.js';

interface Run {
  readonly run: string;
  /** How often another run had this name after the instance was seen to be off. */
  readonly recurrence: number;
  ended: boolean;
  /** The restart count at which a new series begins, higher than that of any discarded series. */
  begun: number;
  series: Map<string, Series>;
}

/** A counter and its epoch, if it has one. */
export interface Settled {
  readonly counter: Counter;
  readonly epoch: string | undefined;
}

/** Changes to be written. */
export interface Changes {
  /** JSON objects by instance id, each of at most some 64 KiB unless one instance has more. */
  readonly records: readonly Uint8Array[];
  /** The write failed; the changes are pending again. */
  giveBack(): void;
}

/** The changed series of each instance; `all`: the instance is new. */
type Changed = Map<string, Set<string> | 'all'>;

// The number of gone instances that are kept in full, at about 2 KB each: more than a day of a busy host.
const goneBounds: GoneBounds = { full: 1_000, remains: 20_000 };
// For a device that is gone, or is read by the pollsters of another interval.
const keepSeriesFor = 24 * 3_600_000;
const mostUnseen = 100;
// The state of a large host takes megabytes; as one text it would be in memory several times.
const pieceLength = 64 * 1024;

/**
 * Makes counters of totals, and determines the run from which a cumulative volume counts. Within an epoch a series
 * never falls; a new epoch counts from 0. The hypervisor names the run; if it uses a name twice, as a daemon does
 * that restarts its numbering, the next is `<run>.1`. If a volume falls within a run, or a device was plugged in
 * again, the series begins an epoch `<run>+1`, `+2`, … A total has one epoch per run: the usage of its gone devices
 * is included in it.
 */
export class Epochs {
  readonly #runs = new Map<string, Run>();
  readonly #gone: GoneRuns;
  #changed: Changed = new Map();

  constructor(stored: StoredEpochs = {}, bounds = goneBounds) {
    this.#gone = new GoneRuns(bounds);
    // It is not known yet which of them exist.
    const known = Object.entries(stored).sort(([, one], [, other]) => (one.lastSeen ?? 0) - (other.lastSeen ?? 0));
    for (const [id, { lastSeen: _, ...run }] of known) this.#gone.add(id, run);
  }

  /**
   * Undefined for a total with a missing part. Other types than cumulative, and instances without a run, have no
   * epoch.
   *
   * @param now ms of a clock that is never set
   */
  settle(made: PolledCounter | PolledTotal, instance: Instance, now: number): Settled | undefined {
    if (instance.run === undefined) this.#end(instance.id);
    if ('parts' in made) return this.#settleTotal(made, instance, now);
    if (made.type !== 'cumulative' || instance.run === undefined || !isFinite(made.volume))
      return { counter: made, epoch: undefined };
    const run = this.#run(instance.id, instance.run);
    const key = keyOf(made);
    const series = seriesOf(run, key, String(made.volume));
    series.seen = now;
    series.count(made.volume, made.plugging);
    this.#note(instance.id, key, series);
    return { counter: made, epoch: epochOf(run, series) };
  }

  #settleTotal(total: PolledTotal, instance: Instance, now: number): Settled | undefined {
    const volumes = [
      total.whole ?? 0n,
      ...total.parts.map(({ volume }) => (typeof volume === 'object' ? 0n : volume)),
    ];
    if (!volumes.every(isFinite)) return { counter: counterOf(total, NaN), epoch: undefined };
    if (instance.run === undefined) {
      const volume = new Series().total(total);
      return volume === undefined ? undefined : { counter: counterOf(total, volume), epoch: undefined };
    }
    const run = this.#run(instance.id, instance.run);
    const key = keyOf(total);
    const series = seriesOf(run, key, '0');
    series.seen = now;
    const volume = series.total(total);
    this.#note(instance.id, key, series);
    if (volume === undefined) return undefined;
    return { counter: counterOf(total, volume), epoch: epochOf(run, series) };
  }

  /**
   * Receives the ids of existing instances. State of gone instances is reduced beyond the limits.
   *
   * @returns the ids of instances whose state was reduced, and of those discarded although they had an epoch of their
   *   own
   */
  listed(ids: ReadonlySet<string>): ReturnType<GoneRuns['trim']> {
    for (const id of ids) this.#known(id);
    for (const [id, run] of this.#runs) {
      if (ids.has(id)) continue;
      this.#runs.delete(id);
      this.#gone.add(id, store(run));
    }
    const trimmed = this.#gone.trim();
    for (const id of [...trimmed.reduced, ...trimmed.forgotten]) this.#changed.set(id, 'all');
    return trimmed;
  }

  /** Discards series of devices that come and go with ever new names. @param now as for `settle` */
  forgetDevices(now: number): void {
    for (const [id, run] of this.#runs) {
      if (run.series.size <= mostUnseen) continue;
      for (const series of run.series.values()) series.seen ??= now;
      const unseen = [...run.series]
        .filter(([, { seen = now }]) => now - seen > keepSeriesFor)
        .sort(([, { seen: one = now }], [, { seen: other = now }]) => one - other);
      for (const [key, { resets }] of unseen.slice(0, Math.max(0, unseen.length - mostUnseen))) {
        run.series.delete(key);
        run.begun = Math.max(run.begun, resets + 1);
        this.#changed.set(id, 'all');
      }
    }
  }

  /** The changes since the last call, which are then no longer pending; undefined if there are none. */
  takeChanges(): Changes | undefined {
    if (this.#changed.size === 0) return undefined;
    const changed = this.#takeChanged();
    const members = [...changed].map(([id, keys]) => this.#member(id, keys));
    const records = [...inPieces(members)].map((piece) => Buffer.from(`{${piece}}`));
    return { records, giveBack: () => this.#giveBack(changed) };
  }

  /** The whole state, as one JSON object in parts; no changes are pending after that. */
  takeAll(): Pick<Changes, 'giveBack'> & { readonly parts: readonly Uint8Array[] } {
    const changed = this.#takeChanged();
    return { parts: this.#all(), giveBack: () => this.#giveBack(changed) };
  }

  toJSON(): StoredEpochs {
    return JSON.parse(Buffer.concat(this.#all()).toString()) as StoredEpochs;
  }

  #all(): readonly Uint8Array[] {
    const pieces = [...inPieces(this.#members())].map((piece, index) =>
      Buffer.from((index === 0 ? '' : ',') + piece),
    );
    return [Buffer.from('{'), ...pieces, Buffer.from('}')];
  }

  *#members(): Generator<string, void, undefined> {
    for (const [id, text] of this.#gone.texts()) yield `${JSON.stringify(id)}:${text}`;
    for (const id of this.#runs.keys()) yield this.#member(id, 'all');
  }

  #member(id: string, keys: ReadonlySet<string> | 'all'): string {
    return `${JSON.stringify(id)}:${this.#textOf(id, keys)}`;
  }

  #textOf(id: string, keys: ReadonlySet<string> | 'all'): string {
    const known = this.#runs.get(id);
    if (known === undefined) return this.#gone.textOf(id) ?? 'null';
    const { series } = known;
    const run = JSON.stringify(storeRun(known)).slice(0, -1);
    return keys === 'all'
      ? `${run},"series":{${seriesText(series.keys(), series)}}}`
      : `${run},"changed":{${seriesText(keys, series)}}}`;
  }

  #takeChanged(): Changed {
    const changed = this.#changed;
    this.#changed = new Map();
    return changed;
  }

  #giveBack(changed: Changed): void {
    for (const [id, keys] of changed) {
      const since = this.#changed.get(id);
      if (keys === 'all' || since === undefined) this.#changed.set(id, keys);
      else if (since !== 'all') for (const key of keys) since.add(key);
    }
  }

  #note(id: string, key: string, series: Series): void {
    if (!series.changed) return;
    series.changed = false;
    const changed = this.#changed.get(id);
    if (changed === undefined) this.#changed.set(id, new Set([key]));
    else if (changed !== 'all') changed.add(key);
  }

  #known(id: string): Run | undefined {
    let known = this.#runs.get(id);
    if (known !== undefined) return known;
    const stored = this.#gone.take(id);
    if (stored === undefined) return undefined;
    const series = new Map(Object.entries(stored.series).map(([key, one]) => [key, new Series(one)]));
    known = { ...stored, begun: stored.begun ?? 0, series };
    this.#runs.set(id, known);
    return known;
  }

  #end(id: string): void {
    const known = this.#known(id);
    if (known === undefined || known.ended) return;
    known.ended = true;
    // None of them continues.
    known.series.clear();
    known.begun = 0;
    this.#changed.set(id, 'all');
  }

  /** The current run of the instance. */
  #run(id: string, run: string): Run {
    const known = this.#known(id);
    if (known !== undefined && known.run === run && !known.ended) return known;
    const recurrence = known?.run === run ? known.recurrence + 1 : 0;
    const begun: Run = { run, recurrence, ended: false, begun: 0, series: new Map() };
    this.#runs.set(id, begun);
    this.#changed.set(id, 'all');
    return begun;
  }
}

/** The members of a JSON object, without creating it: each would get its own hidden class. */
function seriesText(keys: Iterable<string>, series: ReadonlyMap<string, Series>): string {
  return Array.from(keys, (key) => `${JSON.stringify(key)}:${JSON.stringify(series.get(key) ?? null)}`).join();
}

/** Joins members of a JSON object into pieces of some 64 KiB. */
function* inPieces(members: Iterable<string>): Generator<string, void, undefined> {
  let piece: string[] = [];
  let length = 0;
  for (const member of members) {
    if (length + member.length > pieceLength && piece.length > 0) {
      yield piece.join();
      piece = [];
      length = 0;
    }
    piece.push(member);
    length += member.length;
  }
  if (piece.length > 0) yield piece.join();
}

function keyOf({ name, resourceId }: Pick<Counter, 'name' | 'resourceId'>): string {
  return `${name} ${resourceId}`;
}

/** @param first its volume so far, if it is new */
function seriesOf({ series, begun }: Run, key: string, first: string): Series {
  let known = series.get(key);
  if (known === undefined) {
    series.set(key, (known = new Series([first, begun])));
    known.changed = true;
  }
  return known;
}

function storeRun({ run, recurrence, ended, begun }: Run): Omit<StoredRun, 'series'> {
  return begun === 0 ? { run, recurrence, ended } : { run, recurrence, ended, begun };
}

function store(run: Run): StoredRun {
  const series = Object.fromEntries([...run.series].map(([key, one]) => [key, one.toJSON()]));
  return { ...storeRun(run), series };
}

function epochOf({ run, recurrence }: Run, { resets }: Series): string {
  const name = recurrence === 0 ? run : `${run}.${recurrence}`;
  return resets === 0 ? name : `${name}+${resets}`;
}

function counterOf(total: PolledTotal, volume: number | bigint): Counter {
  const { name, type, unit, userId, projectId, resourceId, timestamp, resourceMetadata } = total;
  return { name, type, unit, volume, userId, projectId, resourceId, timestamp, resourceMetadata };
}

// A value that is not finite is refused at signing, and cannot be compared.
const isFinite = (volume: number | bigint): boolean => typeof volume === 'bigint' || Number.isFinite(volume);
