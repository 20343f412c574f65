import { inspect } from 'node:util';

const redacted = '[secret]';

/** Text that never prints: not in a log, not as JSON, not in an error. Only {@link reveal} gives it. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }
}
