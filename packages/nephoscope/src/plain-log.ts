import { createLogger, printable } from '@nephoscope/runtime';
import type { LogLevel, RootLogger } from '@nephoscope/runtime';

import { printNote } from './output.js';

interface LogLine {
  readonly level: string;
  readonly time: string;
  readonly component?: string;
  readonly msg: string;
  readonly err?: { readonly code?: string; readonly message?: string; readonly stack?: string };
}

/** A logger for terminals: a plain line for each entry from `level` on. */
export function createPlainLogger(level: LogLevel, write: (line: string) => void = printNote): RootLogger {
  return createLogger({
    name: 'nephoscope',
    level,
    destination: { write: (json) => write(plainLine(JSON.parse(json) as LogLine)) },
  });
}

/** An error with a code is explained by its text; any other is a defect and keeps its stack. */
function plainLine({ level, time, component, msg, err }: LogLine): string {
  const cause = err?.message;
  const text = cause === undefined || msg.includes(cause) ? msg : `${msg}: ${cause}`;
  const line = `${time.slice(11, 19)} ${level}${component === undefined ? '' : ` ${component}`}: ${linesOf(text)}`;
  return err?.stack === undefined || err.code !== undefined ? line : `${line}\n${linesOf(err.stack)}`;
}

function linesOf(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
