type Log = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** Structured logging, compatible with pino. */
export interface Logger {
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
}
