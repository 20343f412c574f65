/** A mistake in the configuration, with its position. Never includes a value that may be a secret. */
export interface ConfigProblem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}
