type Log = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** Structured logging; pino's loggers are such. */
export interface Logger {
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
}
