import type { SpooledSample } from './spooled-sample.js';

/** The aim of thinning. */
export interface ThinningGoal {
  /** Gauges before it are dropped, and for cumulative series everything between two readings before it. */
  readonly cutoff: string;
  /** Size to keep, bytes; undefined: only what is older than the cutoff is thinned. */
  readonly bytes: number | undefined;
}

interface Series {
  /** Number of droppable readings; how many were decided so far; their bytes. */
  readings: number;
  asked: number;
  bytes: number;
}

// After this many halvings every series is reduced to its last reading.
const mostHalvings = 40;

/**
 * Decides which samples of a range of the spool are kept. First each is counted; after `settle`, each is decided in
 * the same order.
 *
 * - Cumulative series keep their first and last reading, so their growth stays exact.
 * - Gauges keep every second, fourth, … reading, counted from the last, until the rest fits; none before the cutoff.
 * - Deltas and other types are all kept, because each is a part of the sum.
 */
export class Thinning {
  readonly #goal: ThinningGoal;
  readonly #cumulative = new Map<string, Series>();
  readonly #gauges = new Map<string, Series>();
  #keptBytes = 0;
  #dropped = 0;
  /** One in this many readings of a gauge is kept. */
  #step = 1;

  constructor(goal: ThinningGoal) {
    this.#goal = goal;
  }

  /** @param bytes its size on disk */
  count(sample: SpooledSample, bytes: number): void {
    const { type, series, timestamp } = sample;
    const isOld = timestamp < this.#goal.cutoff;
    if (type === 'gauge' && isOld) {
      this.#dropped += 1;
    } else if (this.#goal.bytes !== undefined && type === 'gauge') {
      countIn(this.#gauges, series, bytes);
    } else if (type === 'cumulative' && (isOld || this.#goal.bytes !== undefined)) {
      countIn(this.#cumulative, series, bytes);
    } else {
      this.#keptBytes += bytes;
    }
  }

  /** Determines the step. Returns whether there is anything to drop. */
  settle(): boolean {
    for (const { readings, bytes } of this.#cumulative.values()) {
      const kept = Math.min(readings, 2);
      this.#keptBytes += (bytes * kept) / readings;
      this.#dropped += readings - kept;
    }
    const { bytes = Infinity } = this.#goal;
    for (let halvings = 0; halvings < mostHalvings && this.#bytesOfGauges() + this.#keptBytes > bytes; halvings++)
      this.#step *= 2;
    for (const { readings } of this.#gauges.values()) this.#dropped += readings - Math.ceil(readings / this.#step);
    return this.#dropped > 0;
  }

  keeps({ type, series, timestamp }: SpooledSample): boolean {
    const isOld = timestamp < this.#goal.cutoff;
    if (type === 'gauge' && isOld) return false;
    const isBounded = this.#goal.bytes !== undefined;
    if (type === 'gauge' && isBounded) {
      const counted = ask(this.#gauges, series);
      return counted === undefined || (counted.readings - counted.asked) % this.#step === 0;
    }
    if (type !== 'cumulative' || !(isOld || isBounded)) return true;
    const counted = ask(this.#cumulative, series);
    return counted === undefined || counted.asked === 1 || counted.asked === counted.readings;
  }

  #bytesOfGauges(): number {
    let sum = 0;
    for (const { readings, bytes } of this.#gauges.values())
      sum += (bytes * Math.ceil(readings / this.#step)) / readings;
    return sum;
  }
}

function countIn(all: Map<string, Series>, key: string, bytes: number): void {
  let series = all.get(key);
  if (series === undefined) all.set(key, (series = { readings: 0, asked: 0, bytes: 0 }));
  series.readings += 1;
  series.bytes += bytes;
}

function ask(all: Map<string, Series>, key: string): Series | undefined {
  const series = all.get(key);
  if (series !== undefined) series.asked += 1;
  return series;
}
