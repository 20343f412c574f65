/** What a sweep found: a fault at every single step, in every way. */
export interface Sweep {
  /** What was cut, or failed. */
  readonly name: string;
  readonly cuts: number;
  /** For people, each with the cut that it is of. */
  readonly wrong: readonly string[];
}
