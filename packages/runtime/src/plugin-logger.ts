import { describeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';

/** Limit for a message, and for a field, in characters. */
const longest = 2_000;
const mostFields = 20;
/** Maximum number of lines of one plugin per minute. */
const mostLines = 100;
const minute = 60_000;

/** A logger for a plugin, with limits on the size and number of lines. Omitted lines are counted and reported. */
export function pluginLogger(logger: Logger, now: () => number = () => performance.now()): Logger {
  let since = now();
  let lines = 0;
  const write = (level: keyof Logger) => (fields: unknown, message: unknown) => {
    if (now() - since >= minute) {
      if (lines > mostLines)
        logger.warn(
          { lines: lines - mostLines },
          `${lines - mostLines} lines of this plugin were left out: it writes more than ${mostLines} a minute`,
        );
      since = now();
      lines = 0;
    }
    lines += 1;
    if (lines > mostLines) return;
    // If only a text is passed, it is logged as the message.
    const text = message === undefined && typeof fields === 'string' ? fields : message;
    logger[level](bounded(fields), cut(typeof text === 'string' ? text : describeError(text)));
  };
  return Object.freeze({ debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') });
}

function bounded(fields: unknown): Record<string, unknown> {
  if (typeof fields !== 'object' || fields === null) return {};
  try {
    const names = Object.keys(fields).slice(0, mostFields);
    return Object.fromEntries(
      names.map((name) => [cut(name), name === 'err' ? errorOf(fields) : value(fields, name)]),
    );
  } catch (error) {
    return { fields: `cannot be read: ${describeError(error)}` };
  }
}

/** Errors are truncated when they are written. */
function errorOf(fields: object): unknown {
  return (fields as { readonly err?: unknown }).err;
}

function value(fields: object, name: string): unknown {
  const given = (fields as Record<string, unknown>)[name];
  if (typeof given === 'string') return cut(given);
  if (typeof given !== 'object' || given === null) return typeof given === 'function' ? 'a function' : given;
  const text = JSON.stringify(given, (_, item: unknown) => (typeof item === 'bigint' ? String(item) : item));
  return text === undefined || text.length > longest ? cut(text ?? '') : (JSON.parse(text) as unknown);
}

function cut(text: string): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}
