import type { Logger } from '@nephoscope/core';

export interface LogEntry {
  readonly level: keyof Logger;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A logger that keeps its log lines in `entries`, oldest first. */
export class RecordingLogger implements Logger {
  readonly entries: LogEntry[] = [];
  readonly debug = this.#at('debug');
  readonly info = this.#at('info');
  readonly warn = this.#at('warn');
  readonly error = this.#at('error');

  #at(level: keyof Logger): Logger['info'] {
    return (fields, message) => void this.entries.push({ level, fields, message });
  }
}
