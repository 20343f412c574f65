import { ArgumentError } from '../errors.js';

/** The longest delay of a Node.js timer, ms. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** @throws ArgumentError if it is not a valid timeout; `Infinity` is valid */
export function checkTimeout(timeout: number): number {
  if (!(timeout > 0)) throw new ArgumentError(`a timeout of ${timeout} ms; it must be more than 0`);
  return timeout;
}
