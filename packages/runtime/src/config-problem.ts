/** One thing wrong with the configuration: where, in the operator's own words, and what. Never a value that may be a secret. */
export interface ConfigProblem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}
