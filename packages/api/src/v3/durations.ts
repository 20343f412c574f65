import { invalid, shown } from './parameters.js';

const form = /^P(?:(\d{1,6})D)?(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?$/;
const second = 1_000_000_000n;

/**
 * A length as ISO 8601 has it, of days of 24 hours, hours, minutes and seconds: `PT15M`. In ns, more than 0.
 *
 * @throws Problem `invalid-parameters`
 */
export function durationOf(parameter: string, text: string): bigint {
  const [, ...parts] = form.exec(text) ?? [];
  const [days = 0n, hours = 0n, minutes = 0n, seconds = 0n] = parts.map((part) => BigInt(part ?? 0));
  const length = (((days * 24n + hours) * 60n + minutes) * 60n + seconds) * second;
  if (length > 0n) return length;
  throw invalid([{ parameter, message: `'${shown(text)}' is no length such as PT15M, PT1H or P1D` }]);
}
