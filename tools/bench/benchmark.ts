/** One thing that `npm run bench` measures; a file of its own for each. */
export interface Benchmark {
  readonly name: string;
  readonly description: string;
  /** Starts what it needs, measures, and stops it again, however that ends. Returns what is printed as JSON. */
  run(context: BenchmarkContext): Promise<object>;
}

export interface BenchmarkContext {
  /** Where CPU profiles go; undefined when none are wanted. */
  readonly profiles: string | undefined;
  /** Aborted when nobody waits for the result any more. */
  readonly signal: AbortSignal;
}
