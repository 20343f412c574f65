import type { Plugging } from '@nephoscope/core/pollster';
import { isCopyOf } from '@nephoscope/message';

import { invalid, isText } from './item.js';

// The images of a long chain.
const maxMarks = 1_000;
const longestMark = 100;

/**
 * A copy of a plugging's marks.
 *
 * @param known the previous marks, returned if they are the same
 * @throws COUNTER_INVALID
 */
export function readPlugging(given: unknown, known?: Plugging): Plugging | undefined {
  if (given === undefined) return undefined;
  if (!Array.isArray(given)) throw noMarks();
  const { length } = given;
  if (length > maxMarks) throw noMarks();
  if (known !== undefined && isCopyOf(known, given)) return known;
  const marks: string[] = [];
  // By index: an iterator would be the plugin's code.
  for (let at = 0; at < length; at++) {
    const mark: unknown = given[at];
    if (!isText(mark)) throw noMarks();
    marks.push(mark.slice(0, longestMark));
  }
  return Object.freeze(marks);
}

const noMarks = () => invalid(`a plugging is a list of at most ${maxMarks} texts that mark it`);
