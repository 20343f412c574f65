import { NephoscopeError } from './errors.js';

/** Why a figure is not there. `off`: the instance does not run. `busy`: the hypervisor did not answer for it in time. */
export type MissingReason = 'busy' | 'unsupported' | 'off' | 'error';

/** In place of a figure that could not be read. */
export interface Missing {
  readonly missing: MissingReason;
  /** For people: what exactly, and what to do where something can be done. */
  readonly detail: string;
}

const reasons: Readonly<Record<MissingReason, true>> = { busy: true, unsupported: true, off: true, error: true };
const longestDetail = 500;

/**
 * A reason as a plugin gave it, as ours: its detail is cut after 500 characters.
 *
 * @throws MISSING_INVALID when it is none
 */
export function readMissing(given: unknown): Missing {
  const { missing, detail } = (given ?? {}) as Partial<Record<keyof Missing, unknown>>;
  if (typeof missing === 'string' && Object.hasOwn(reasons, missing) && typeof detail === 'string')
    return { missing: missing as MissingReason, detail: detail.slice(0, longestDetail) };
  throw new NephoscopeError(
    'MISSING_INVALID',
    `a reason why a figure is missing is { missing, detail }: 'missing' one of ${Object.keys(reasons).join(', ')}, and 'detail' a text for people`,
  );
}

export function isMissing(value: object): value is Missing {
  return Object.hasOwn(value, 'missing');
}
