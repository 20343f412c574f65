import { isNativeError } from 'node:util/types';

const brand = Symbol.for('nephoscope.error');

/**
 * An error for operators. `code` is stable and documented in docs/errors.md; the message says what happened, where,
 * and what to do. Test for it with {@link isNephoscopeError}, which also works if two copies of this package are
 * installed.
 */
export class NephoscopeError extends Error {
  readonly code: string;
  readonly [brand] = true;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'NephoscopeError';
    this.code = code;
  }
}

const permanentBrand = Symbol.for('nephoscope.error.permanent');

/**
 * An error that a retry does not fix. At its start a program ends with it; every other error of a bus or a store is
 * retried with growing pauses. Test for it with {@link isPermanentError}.
 */
export class PermanentError extends NephoscopeError {
  readonly [permanentBrand] = true;
}

export function isPermanentError(error: unknown): error is PermanentError {
  return isNephoscopeError(error) && permanentBrand in error;
}

/** Whether `error` is a {@link NephoscopeError}, and has this code if one is given. */
export function isNephoscopeError(error: unknown, code?: string): error is NephoscopeError {
  return isError(error) && brand in error && (code === undefined || (error as NephoscopeError).code === code);
}

const longestDescription = 2_000;

/**
 * The text of any thrown value: its message, and what its causes add. Never throws, and returns at most 2,000
 * characters, because plugins may throw anything.
 */
export function describeError(error: unknown): string {
  try {
    const texts: string[] = [];
    let length = 0;
    const seen = new Set<unknown>();
    for (let at = error; ; at = at.cause) {
      const text = isError(at) ? String(at.message || describeAll(at) || at.name) : String(at);
      // Many errors repeat the message of their cause.
      if (!texts.some((before) => before.includes(text))) texts.push(text);
      length += text.length;
      seen.add(at);
      if (!isError(at) || at.cause === undefined || seen.has(at.cause) || length > longestDescription) break;
    }
    const whole = texts.join(': ');
    return whole.length <= longestDescription ? whole : `${whole.slice(0, longestDescription)}…`;
  } catch {
    return 'an error that cannot be described';
  }
}

/** An AggregateError, as for a host with several addresses, has no text of its own. */
function describeAll(error: Error): string {
  const { errors } = error as { errors?: unknown };
  return Array.isArray(errors) ? [...new Set(errors.map(describeError))].join('; ') : '';
}

/** Also true for errors of another realm, such as Node's own within a test runner's sandbox. */
function isError(value: unknown): value is Error {
  return value instanceof Error || isNativeError(value);
}
