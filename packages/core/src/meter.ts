import type { CounterType } from './counter.js';
import { NephoscopeError } from './errors.js';

/**
 * What a plugin promises to emit under one name. A name goes from the least to the most specific word,
 * joined by `.`; a variable part comes last, after `:`, and is written in angle brackets
 * (`instance:<flavor>`).
 */
export interface Meter {
  readonly name: string;
  readonly type: CounterType;
  readonly unit: string;
  readonly description: string;
}

const meterName = /^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*(:<[a-z ]+>)?$/;

/** Throws `METER_NAME` for a name that does not follow the grammar above, or that stands twice. */
export function checkMeters(meters: readonly Meter[]): void {
  const seen = new Set<string>();
  for (const { name } of meters) {
    if (!meterName.test(name)) {
      throw new NephoscopeError(
        'METER_NAME',
        `'${name}' is not a meter name: write words of a-z, 0-9 and _ joined by '.', as in 'disk.read.bytes'`,
      );
    }
    if (seen.has(name)) throw new NephoscopeError('METER_NAME', `the meter '${name}' is declared twice`);
    seen.add(name);
  }
}

/** The declared name behind an emitted one: `instance:m1.small` was declared as `instance:<flavor>`. */
export function meterStem(name: string): string {
  const colon = name.indexOf(':');
  return colon < 0 ? name : name.slice(0, colon + 1);
}
