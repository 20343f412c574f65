import { isNephoscopeError } from '@nephoscope/core';

import { mayHoldSecret } from './credentials.js';

const longestReason = 500;
/** Length of the part of a stack that is searched for its first location. */
const longestFrames = 2_000;

/**
 * The loggable part of an error that a plugin threw. The text of a coded error is meant for operators; the text of any
 * other may quote the notification, so only its type and location are given.
 */
export function pluginFailure(error: unknown): string {
  try {
    return describe(error);
  } catch {
    return 'it threw a value that cannot be described';
  }
}

function describe(error: unknown): string {
  if (isNephoscopeError(error))
    return mayHoldSecret(error.message) ? error.code : `${error.code}: ${error.message.slice(0, longestReason)}`;
  if (!(error instanceof Error)) return 'it threw a value that is not an error';
  const { constructor, message, stack = '' } = error;
  // After the message, which the stack repeats.
  const frames = stack.slice(stack.indexOf(message) + message.length).slice(0, longestFrames);
  const place = /^ +at .*?([\w.-]+:\d+:\d+)\)?$/m.exec(frames)?.[1];
  return place === undefined ? constructor.name : `${constructor.name} at ${place}`;
}
