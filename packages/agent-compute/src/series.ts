import type { Plugging, Total } from '@nephoscope/core/pollster';
import { addVolumes, subtractVolumes } from '@nephoscope/message';

import type { StoredPart, StoredSeries } from './state/stored-epochs.js';

type Volume = number | bigint;

interface Part {
  readonly volume: Volume;
  readonly plugging: Plugging | undefined;
  /** The volume when the marks of its plugging were last seen, if it differs. */
  readonly marked?: Volume | undefined;
}

// Missing parts of a total that may return. Counts of earlier ones are kept as one sum.
const mostAway = 64;

// Shared by all series that have none: an empty map takes 200 bytes, and a large host has tens of thousands of series.
const none: ReadonlyMap<string, Part> = new Map();

/** The state of one cumulative series of a run: of a device, or a total over devices that come and go. */
export class Series {
  /** Time of the last value, ms of a clock that is never set; undefined since the agent started. */
  seen: number | undefined;
  /** Whether any of its persistent state has changed since this was set to false. */
  changed = false;
  /** The last volume. */
  #volume: Volume;
  /** How often it restarted within the run. */
  #resets: number;
  #plugging: Plugging | undefined;
  /** For a total: what gone parts had counted. */
  #gone: Volume;
  /** For a total: the count of each part at its last reading. */
  #parts: ReadonlyMap<string, Part>;
  /** For a total: the missing parts, earliest first. */
  #away: Map<string, Part> | undefined;

  constructor([volume, resets, plugging, gone, parts, away]: StoredSeries = ['0', 0]) {
    this.#volume = parseVolume(volume);
    this.#resets = resets;
    this.#plugging = plugging ?? undefined;
    this.#gone = gone === undefined ? 0n : parseVolume(gone);
    this.#parts = readParts(parts);
    this.#away = away === undefined || away.length === 0 ? undefined : new Map(readParts(away));
  }

  get resets(): number {
    return this.#resets;
  }

  /** Adds the next volume, which counts anew if it fell or its device was plugged in again. */
  count(volume: Volume, plugging: Plugging | undefined): void {
    const fell = volume < this.#volume;
    if (fell || areOther(this.#plugging, plugging)) this.#resets += 1;
    // Marks from before a fall belong to another plugging.
    const marks = plugging ?? (fell ? undefined : this.#plugging);
    if (volume !== this.#volume || !areSame(marks, this.#plugging)) this.changed = true;
    this.#volume = volume;
    this.#plugging = marks;
  }

  /** Adds the current parts; returns the total including gone ones, undefined while a part is missing. */
  total({ parts, whole }: Pick<Total, 'parts' | 'whole'>): Volume | undefined {
    const last = { parts: this.#parts, volume: this.#volume, gone: this.#gone };
    const total = this.#total({ parts, whole });
    if (this.#volume !== last.volume || this.#gone !== last.gone || !areSameParts(this.#parts, last.parts))
      this.changed = true;
    return total;
  }

  #total({ parts, whole }: Pick<Total, 'parts' | 'whole'>): Volume | undefined {
    const before = new Map(this.#parts);
    const now = new Map<string, Part>();
    let complete = true;
    let sum: Volume = 0n;
    for (const { key, volume, plugging } of parts) {
      // A part that was left out has returned: its count continues unless it is known to be another device.
      const known = before.get(key) ?? this.#away?.get(key);
      before.delete(key);
      this.#away?.delete(key);
      const begun = known !== undefined && areOther(known.plugging, plugging);
      if (typeof volume === 'object') {
        complete = false;
        if (known === undefined) continue;
        if (begun) this.#leave(known, false);
        else now.set(key, known);
        continue;
      }
      const fell = known !== undefined && volume < known.volume;
      if (known !== undefined && (begun || fell)) this.#leave(known, fell);
      now.set(key, begun || fell || known === undefined ? { volume, plugging } : goneOn(known, volume, plugging));
      sum = addVolumes(sum, volume);
    }
    sum = addVolumes(sum, this.#setAside(before));
    this.#parts = now;
    if (!complete) return undefined;

    const counted = addVolumes(this.#gone, sum);
    if (whole !== undefined) {
      // Whole and parts are not read at the same instant: their difference may seem to fall slightly.
      const rest = subtractVolumes(whole, counted);
      if (rest > this.#volume) this.#volume = rest;
    } else {
      // What a version without parts had counted stays counted.
      if (counted < this.#volume) this.#gone = addVolumes(this.#gone, subtractVolumes(this.#volume, counted));
      else this.#volume = counted;
    }
    return this.#volume;
  }

  /** Adds these to the missing parts. Returns what all missing parts had counted. */
  #setAside(parts: ReadonlyMap<string, Part>): Volume {
    const away = new Map([...(this.#away ?? none), ...parts]);
    let sum: Volume = 0n;
    for (const [key, { volume }] of away) {
      if (away.size <= mostAway) sum = addVolumes(sum, volume);
      else {
        away.delete(key);
        this.#gone = addVolumes(this.#gone, volume);
      }
    }
    this.#away = away.size === 0 ? undefined : away;
    return sum;
  }

  /** @param known is gone: another device counts under its name; `fell` if this was detected by a smaller count */
  #leave({ volume, marked }: Part, fell: boolean): void {
    // What was counted without marks may belong to the new device, which will count it.
    this.#gone = addVolumes(this.#gone, fell ? volume : (marked ?? volume));
  }

  toJSON(): StoredSeries {
    const counted = [String(this.#volume), this.#resets] as const;
    if (this.#parts.size === 0 && this.#away === undefined && this.#gone === 0n)
      return this.#plugging === undefined ? counted : [...counted, this.#plugging];
    const parts = [...counted, null, String(this.#gone), writeParts(this.#parts)] as const;
    return this.#away === undefined ? parts : [...parts, writeParts(this.#away)];
  }
}

/** A part that continues counting. */
function goneOn(known: Part, volume: Volume, plugging: Plugging | undefined): Part {
  if (plugging !== undefined || known.plugging === undefined)
    return { volume, plugging: plugging ?? known.plugging };
  return { volume, plugging: known.plugging, marked: known.marked ?? known.volume };
}

function readParts(stored: readonly StoredPart[] = []): ReadonlyMap<string, Part> {
  if (stored.length === 0) return none;
  return new Map(
    stored.map(([key, volume, plugging, marked]): [string, Part] => [
      key,
      {
        volume: parseVolume(volume),
        plugging: plugging ?? undefined,
        marked: marked === undefined ? undefined : parseVolume(marked),
      },
    ]),
  );
}

function writeParts(parts: ReadonlyMap<string, Part>): readonly StoredPart[] {
  return [...parts].map(([key, { volume, plugging, marked }]) => {
    if (marked !== undefined) return [key, String(volume), plugging, String(marked)];
    return plugging === undefined ? [key, String(volume)] : [key, String(volume), plugging];
  });
}

// Parts that disappeared, or returned, are in one of the two.
function areSameParts(some: ReadonlyMap<string, Part>, others: ReadonlyMap<string, Part>): boolean {
  if (some.size !== others.size) return false;
  for (const [key, one] of some) {
    const other = others.get(key);
    if (one === other) continue;
    if (other === undefined || one.volume !== other.volume || one.marked !== other.marked) return false;
    if (!areSame(one.plugging, other.plugging)) return false;
  }
  return true;
}

/** Whether they are the same marks. */
function areSame(some: Plugging | undefined, others: Plugging | undefined): boolean {
  if (some === others) return true;
  return some?.length === others?.length && (some?.every((mark, index) => mark === others?.[index]) ?? false);
}

/** Whether they are known to be two pluggings. */
function areOther(one: Plugging | undefined, other: Plugging | undefined): boolean {
  // In nearly all cycles it is the same list.
  if (one === other || one === undefined || other === undefined) return false;
  return !one.some((mark) => other.includes(mark));
}

function parseVolume(text: string): Volume {
  return /^-?\d+$/.test(text) ? BigInt(text) : Number(text);
}
