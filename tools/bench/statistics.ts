/** One measured action. Wall and CPU (user and system, all threads of the process) in ms. */
export interface Measurement {
  readonly wall: number;
  readonly cpu: number;
}

export interface Summary {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** @throws RangeError if there is nothing to summarise */
export function summarise(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError('a summary of no values');
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] as number;
  const last = sorted.length - 1;
  return {
    min: rounded(at(0)),
    median: rounded((at(Math.floor(last / 2)) + at(Math.ceil(last / 2))) / 2),
    max: rounded(at(last)),
  };
}

/** Rounded to a thousandth. */
export function rounded(value: number): number {
  return Number(value.toFixed(3));
}

/** The rise of a straight line through the values from the first to the last, as a fraction of their mean. */
export function growthOf(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const middle = (values.length - 1) / 2;
  const along = values.reduce((sum, value, at) => sum + (at - middle) * (value - mean), 0);
  const square = values.reduce((sum, _, at) => sum + (at - middle) ** 2, 0);
  return ((along / square) * (values.length - 1)) / mean;
}

/** µs for each, from ms for all. */
export function perSample(cpu: Readonly<Record<string, number>>, samples: number): Record<string, number> {
  return Object.fromEntries(Object.entries(cpu).map(([part, ms]) => [part, rounded((ms * 1_000) / samples)]));
}
