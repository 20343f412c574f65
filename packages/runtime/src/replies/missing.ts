import { NephoscopeError } from '@nephoscope/core';
import type { Missing, MissingReason } from '@nephoscope/core';

const reasons: Readonly<Record<MissingReason, true>> = { busy: true, unsupported: true, off: true, error: true };
const longestDetail = 500;

/**
 * A copy of a plugin's reason; its detail is cut after 500 characters.
 *
 * @throws MISSING_INVALID if it is not one
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
