/** Why a figure is not there. `off`: the instance does not run. `busy`: the hypervisor did not answer for it in time. */
export type MissingReason = 'busy' | 'unsupported' | 'off' | 'error';

/** In place of a figure that could not be read. */
export interface Missing {
  readonly missing: MissingReason;
  /** For people: what exactly, and what to do where something can be done. */
  readonly detail: string;
}

export function isMissing(value: object): value is Missing {
  return Object.hasOwn(value, 'missing');
}
