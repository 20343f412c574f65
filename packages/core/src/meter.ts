import { counterTypes } from './counter.js';
import type { CounterType } from './counter.js';
import { NephoscopeError } from './errors.js';

/**
 * What a plugin may emit under one name. A name goes from the general to the specific, with `.` between its parts; a
 * variable part comes last, after `:`, in angle brackets (`instance:<flavor>`).
 */
export interface Meter {
  readonly name: string;
  readonly type: CounterType;
  readonly unit: string;
  readonly description: string;
}

const meterName = /^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*(:<[a-z ]+>)?$/;

/**
 * Names of the programs' own meters, which plugins may not use: otherwise any plugin could report an agent's losses.
 */
const ownMeter = /^nephoscope([.:]|$)/;

/**
 * @throws METER_NAME for a name that does not follow the grammar above, is reserved (`nephoscope.…`) or occurs twice;
 *   PLUGIN_INVALID if it is not a table of meters
 */
export function checkMeters(meters: readonly Meter[]): void {
  if (!Array.isArray(meters)) throw malformed("'meters' is not a list");
  const seen = new Set<string>();
  for (const meter of meters as readonly unknown[]) {
    if (typeof meter !== 'object' || meter === null) throw malformed("a meter in 'meters' is not an object");
    const { name, type, unit } = meter as Partial<Record<keyof Meter, unknown>>;
    if (typeof name !== 'string' || !meterName.test(name)) {
      throw new NephoscopeError(
        'METER_NAME',
        `'${String(name).slice(0, 60)}' is not a meter name: write words of a-z, 0-9 and _ joined by '.', as in 'disk.read.bytes'`,
      );
    }
    if (ownMeter.test(name))
      throw new NephoscopeError('METER_NAME', `'${name}' is a name of Nephoscope's own meters: choose another`);
    if (seen.has(meterStem(name)))
      throw new NephoscopeError('METER_NAME', `the meter '${name}' is declared twice`);
    seen.add(meterStem(name));
    if (!counterTypes.some((known) => known === type))
      throw malformed(
        `the type of the meter '${name}' is '${String(type).slice(0, 60)}': one of ${counterTypes.join(', ')}`,
      );
    if (typeof unit !== 'string') throw malformed(`the meter '${name}' has no unit: write '' where there is none`);
  }
}

function malformed(what: string): NephoscopeError {
  return new NephoscopeError('PLUGIN_INVALID', what);
}

/** The declared name of an emitted one: `instance:m1.small` was declared as `instance:<flavor>`. */
export function meterStem(name: string): string {
  const colon = name.indexOf(':');
  return colon < 0 ? name : name.slice(0, colon + 1);
}
