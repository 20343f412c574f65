import { describeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';
import pino from 'pino';
import type { DestinationStream } from 'pino';

import { logLine } from './log-line.js';
import { logOutput } from './log-output.js';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** A logger that can be restricted to a component, which is then in each of its lines. */
export interface RootLogger extends Logger {
  child(bindings: { readonly component: string; readonly plugin?: string }): Logger;
}

/**
 * One JSON object per line, by default on standard error: standard output is for results.
 * Times are ISO 8601; errors keep their code, message, stack and causes, as far as 4 KiB of a line have room.
 */
export function createLogger(options: {
  readonly name: string;
  readonly level: LogLevel;
  readonly destination?: DestinationStream;
}): RootLogger {
  const destination = options.destination ?? logOutput(2);
  return pino(
    {
      name: options.name,
      level: options.level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      base: { pid: process.pid },
      // pino's own serializer converts causes to text and loses their codes.
      serializers: { err: readableError },
    },
    { write: (line) => destination.write(logLine(line)) },
  );
}

/** Maximum length of a logged error, in characters. */
const longestError = 16_000;

/** Plugins may throw anything: it is logged if possible, and truncated. */
function readableError(error: unknown): unknown {
  try {
    const fields = pino.stdSerializers.errWithCause(error as Error);
    const text = JSON.stringify(fields, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    if (text === undefined || text.length <= longestError) return JSON.parse(text ?? 'null');
    const { type, code, stack } = fields as Record<string, unknown>;
    return { type, code, message: describeError(error), stack: String(stack).slice(0, longestError / 4) };
  } catch {
    return { message: describeError(error) };
  }
}
