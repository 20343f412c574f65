import { NephoscopeError } from '@nephoscope/core';

// Per pollster and cycle; more means that it never ends.
const mostCounters = 1_000_000;
// Limit for counters yielded at once, which are kept until they are sent.
const mostBytes = 256 * 1024 * 1024;

/** The result for an item, and its approximate size in memory. */
interface Sized {
  readonly size: number;
}

/** What a plugin yielded before its first wait. */
interface Begun<T> {
  readonly taken?: readonly T[];
  /** What it threw after these. */
  readonly failure?: { readonly error: unknown };
  readonly coming?: AsyncIterable<unknown>;
  readonly promised?: unknown;
}

/**
 * The counters of a plugin in any form: a list, a generator, a promise of one, an async generator. Everything before
 * its first wait is done within `run`, and each counter is read as it arrives.
 *
 * @param read returns the result for a counter, and its size
 * @throws what the plugin and `run` throw; COUNTER_INVALID for anything that does not yield counters;
 *   COUNTERS_TOO_MANY
 */
export async function* countersOf<T extends Sized>(
  getCounters: () => unknown,
  run: <R>(work: () => R) => R,
  read: (given: unknown) => T,
): AsyncGenerator<T, void, undefined> {
  let begun = run(() => begin(getCounters(), read));
  if (begun.promised !== undefined) {
    // Any thenable: a plugin may use its own kind of promise.
    const given = await Promise.resolve(begun.promised);
    let isBegun = false;
    begun = run(() => {
      // If the process had hardly any CPU time, `run` calls again, but an interrupted generator cannot be resumed.
      if (isBegun && !Array.isArray(given)) throw interrupted();
      isBegun = true;
      return begin(given, read);
    });
  }
  const { taken = [], failure, coming, promised } = begun;
  if (promised !== undefined) throw noCounters();
  yield* taken;
  if (failure !== undefined) throw failure.error;
  if (coming === undefined) return;
  let count = 0;
  for await (const given of coming) {
    if (++count > mostCounters) throw tooMany(`${mostCounters} counters`);
    yield read(given);
  }
}

function begin<T extends Sized>(given: unknown, read: (given: unknown) => T): Begun<T> {
  if (typeof given !== 'object' || given === null) throw noCounters();
  if (Symbol.asyncIterator in given) return { coming: started(given as AsyncIterable<unknown>) };
  if (!(Symbol.iterator in given)) return { promised: given };
  // A new list: an interrupted call is repeated if the process had been stopped.
  const taken: T[] = [];
  let bytes = 0;
  try {
    for (const one of given as Iterable<unknown>) {
      if (taken.length >= mostCounters) throw tooMany(`${mostCounters} counters`);
      const counter = read(one);
      bytes += counter.size;
      if (bytes > mostBytes) throw tooMany(`${mostBytes} bytes in one go`);
      taken.push(counter);
    }
  } catch (error) {
    return { taken, failure: { error } };
  }
  return { taken };
}

/** The same, running until its first wait. */
function started(counters: AsyncIterable<unknown>): AsyncIterable<unknown> {
  const iterator = counters[Symbol.asyncIterator]();
  let first: Promise<IteratorResult<unknown>> | undefined = iterator.next();
  return {
    [Symbol.asyncIterator]: () => ({
      next() {
        const next = first ?? iterator.next();
        first = undefined;
        return next;
      },
      return: () => iterator.return?.() ?? Promise.resolve({ done: true, value: undefined }),
    }),
  };
}

function interrupted(): NephoscopeError {
  return new NephoscopeError(
    'PLUGIN_BLOCKED',
    'its generator was interrupted after blocking the program for 1 s, and cannot be resumed',
  );
}

function noCounters(): NephoscopeError {
  return new NephoscopeError('COUNTER_INVALID', 'it returned nothing that yields counters');
}

function tooMany(what: string): NephoscopeError {
  return new NephoscopeError('COUNTERS_TOO_MANY', `it yields more than ${what}: the rest is not accepted`);
}
