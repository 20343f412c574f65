type Log = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** Structured logging, a subset of pino's interface. An error goes into the field `err`. */
export interface Logger {
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
}
