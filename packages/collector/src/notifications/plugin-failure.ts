import { isNephoscopeError } from '@nephoscope/core';

import { mayHoldSecret } from './credentials.js';

const longestReason = 500;
/** Characters of a stack in which its first place stands. */
const longestFrames = 2_000;

/**
 * What may be told of an error that a plugin threw over a notification. The text of a coded error is written for
 * people; that of any other may quote what the plugin was given, so only its kind and place are told.
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
  // Behind the text, which stands in the stack too.
  const frames = stack.slice(stack.indexOf(message) + message.length).slice(0, longestFrames);
  const place = /^ +at .*?([\w.-]+:\d+:\d+)\)?$/m.exec(frames)?.[1];
  return place === undefined ? constructor.name : `${constructor.name} at ${place}`;
}
