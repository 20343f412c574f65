/** The result of a sweep: a fault at every single step, in every way. */
export interface Sweep {
  /** What was cut, or made to fail. */
  readonly name: string;
  readonly cuts: number;
  /** The problems as text, each with its cut. */
  readonly wrong: readonly string[];
}
