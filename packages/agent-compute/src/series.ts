import { addVolumes, subtractVolumes } from '@nephoscope/core';
import type { Plugging, Total } from '@nephoscope/core';

type Volume = number | bigint;

interface Part {
  readonly volume: Volume;
  readonly plugging: Plugging | undefined;
}

/** As it is kept on disk: volumes as text, since JSON's numbers are too small. What follows `resets` is left out where it is not known. */
export type StoredSeries = readonly [
  volume: string,
  resets: number,
  plugging?: Plugging | null | undefined,
  gone?: string | undefined,
  parts?: readonly (readonly [key: string, volume: string, plugging?: Plugging | undefined])[] | undefined,
];

/** What is remembered of one cumulative series of a run: of a device, or a total over devices that come and go. */
export class Series {
  /** The last volume. */
  #volume: Volume;
  /** How often it began anew within the run. */
  #resets: number;
  #plugging: Plugging | undefined;
  /** Of a total: what the parts had counted that are no more. */
  #gone: Volume = 0n;
  /** Of a total: what each part had counted when it was last read. */
  #parts: Map<string, Part> = new Map();

  constructor([volume, resets, plugging, gone, parts]: StoredSeries = ['0', 0]) {
    this.#volume = parseVolume(volume);
    this.#resets = resets;
    this.#plugging = plugging ?? undefined;
    this.#gone = gone === undefined ? 0n : parseVolume(gone);
    for (const [key, text, marks] of parts ?? [])
      this.#parts.set(key, { volume: parseVolume(text), plugging: marks });
  }

  get resets(): number {
    return this.#resets;
  }

  /** Takes the next volume, which counts anew when it fell or its device was plugged in anew. */
  count(volume: Volume, plugging: Plugging | undefined): void {
    const fell = volume < this.#volume;
    if (fell || areOther(this.#plugging, plugging)) this.#resets += 1;
    this.#volume = volume;
    // Marks from before a fall are those of another plugging.
    this.#plugging = plugging ?? (fell ? undefined : this.#plugging);
  }

  /** Takes the parts that are there now; gives the total with what others had counted, undefined while a part is missing. */
  total({ parts, whole }: Pick<Total, 'parts' | 'whole'>): Volume | undefined {
    const before = this.#parts;
    const now = new Map<string, Part>();
    let complete = true;
    let sum: Volume = 0n;
    for (const { key, volume, plugging } of parts) {
      const known = before.get(key);
      before.delete(key);
      const begun = known !== undefined && areOther(known.plugging, plugging);
      if (typeof volume === 'object') {
        complete = false;
        if (known === undefined) continue;
        if (begun) this.#gone = addVolumes(this.#gone, known.volume);
        else now.set(key, known);
        continue;
      }
      const fell = known !== undefined && volume < known.volume;
      if (known !== undefined && (begun || fell)) this.#gone = addVolumes(this.#gone, known.volume);
      now.set(key, { volume, plugging: plugging ?? (fell ? undefined : known?.plugging) });
      sum = addVolumes(sum, volume);
    }
    for (const { volume } of before.values()) this.#gone = addVolumes(this.#gone, volume);
    this.#parts = now;
    if (!complete) return undefined;

    const counted = addVolumes(this.#gone, sum);
    if (whole !== undefined) {
      // Whole and parts are not read in one instant: what is between them may seem to fall by a little.
      const rest = subtractVolumes(whole, counted);
      if (rest > this.#volume) this.#volume = rest;
    } else {
      // What a version without parts had counted stays counted.
      if (counted < this.#volume) this.#gone = addVolumes(this.#gone, subtractVolumes(this.#volume, counted));
      else this.#volume = counted;
    }
    return this.#volume;
  }

  toJSON(): StoredSeries {
    const counted = [String(this.#volume), this.#resets] as const;
    if (this.#parts.size === 0 && this.#gone === 0n)
      return this.#plugging === undefined ? counted : [...counted, this.#plugging];
    const parts = [...this.#parts].map(([key, { volume, plugging }]) =>
      plugging === undefined ? ([key, String(volume)] as const) : ([key, String(volume), plugging] as const),
    );
    return [...counted, null, String(this.#gone), parts];
  }
}

/** Whether they are known to be two pluggings. */
function areOther(one: Plugging | undefined, other: Plugging | undefined): boolean {
  return one !== undefined && other !== undefined && !one.some((mark) => other.includes(mark));
}

function parseVolume(text: string): Volume {
  return /^-?\d+$/.test(text) ? BigInt(text) : Number(text);
}
