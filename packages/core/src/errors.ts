import { isNativeError } from 'node:util/types';

const brand = Symbol.for('nephoscope.error');

/**
 * A failure that the reader of a log can act on. `code` is stable and documented in docs/errors.md; the
 * message says what happened, where and what to do. Recognise it by {@link isNephoscopeError}, which also
 * holds when two copies of this package are installed.
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
 * A failure that another try does not change: somebody has to act first. Whoever waits for a bus or a store at the start
 * ends with it; every other error, known or not, is tried again with growing pauses. Recognise it by {@link isPermanentError}.
 */
export class PermanentError extends NephoscopeError {
  readonly [permanentBrand] = true;
}

export function isPermanentError(error: unknown): error is PermanentError {
  return isNephoscopeError(error) && permanentBrand in error;
}

/** Whether `error` is a {@link NephoscopeError}, and of this code when one is given. */
export function isNephoscopeError(error: unknown, code?: string): error is NephoscopeError {
  return isError(error) && brand in error && (code === undefined || (error as NephoscopeError).code === code);
}

const longestDescription = 2_000;

/**
 * What a person should read of any thrown value: the message, and what its causes say beyond it. Never throws, and at
 * most 2,000 characters: what plugins and others throw may be anything.
 */
export function describeError(error: unknown): string {
  try {
    const texts: string[] = [];
    let length = 0;
    const seen = new Set<unknown>();
    for (let at = error; ; at = at.cause) {
      const text = isError(at) ? String(at.message || describeAll(at) || at.name) : String(at);
      // Many an error repeats what caused it.
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

/** An AggregateError, as of a host with several addresses, says nothing itself. */
function describeAll(error: Error): string {
  const { errors } = error as { errors?: unknown };
  return Array.isArray(errors) ? [...new Set(errors.map(describeError))].join('; ') : '';
}

/** Also true of errors of another realm, as those of Node itself are within a test runner's sandbox. */
function isError(value: unknown): value is Error {
  return value instanceof Error || isNativeError(value);
}
