/** Why a figure is missing. `off`: the instance is not running. `busy`: the hypervisor did not return it in time. */
export type MissingReason = 'busy' | 'unsupported' | 'off' | 'error';

/** Replaces a figure that could not be read. */
export interface Missing {
  readonly missing: MissingReason;
  /** For operators: what exactly is missing, and what can be done about it. */
  readonly detail: string;
}

export function isMissing(value: object): value is Missing {
  return Object.hasOwn(value, 'missing');
}
