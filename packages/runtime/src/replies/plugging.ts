import type { Plugging } from '@nephoscope/core/pollster';
import { isCopyOf } from '@nephoscope/message';

import { invalid, isText } from './item.js';

// The images of a long chain.
const maxMarks = 1_000;
const longestMark = 100;

/**
 * Marks of a plugging as ours.
 *
 * @param known those of before: kept when they are the same
 * @throws COUNTER_INVALID
 */
export function readPlugging(given: unknown, known?: Plugging): Plugging | undefined {
  if (given === undefined) return undefined;
  if (!Array.isArray(given) || given.length > maxMarks) throw noMarks();
  if (known !== undefined && isCopyOf(known, given)) return known;
  const marks = Array.from(given as unknown[], (mark) => (isText(mark) ? mark.slice(0, longestMark) : undefined));
  if (!marks.every((mark) => mark !== undefined)) throw noMarks();
  return Object.freeze(marks);
}

const noMarks = () => invalid(`a plugging is a list of at most ${maxMarks} texts that mark it`);
