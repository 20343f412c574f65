import { PermanentError } from '@nephoscope/core';
import type { NephoscopeError } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';

const decimal = /^-?(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
/** The limits of `numeric`, in digits before and after the decimal point. */
const before = 131_072;
const behind = 16_383;

/**
 * The volume as the column takes it. @throws SAMPLE_INVALID if it is not a decimal number, or too long for `numeric`
 */
export function numeric({ volume, messageId }: Pick<Sample, 'volume' | 'messageId'>): string {
  const [, whole = '', fraction = '', exponent = '0'] = decimal.exec(volume) ?? [];
  if (whole === '') throw invalid(`volume ${shown(volume)} of message ${messageId} is not a decimal number`);
  // Most have few digits.
  if (volume.length < 100 && exponent === '0') return volume;
  const shift = Number(exponent);
  const digits = whole + fraction;
  const leading = digits.search(/[1-9]/);
  const isLong = leading >= 0 && whole.length - leading + shift > before;
  if (isLong || fraction.length - shift > behind || Math.abs(shift) > 1_000_000_000)
    throw invalid(
      `volume ${shown(volume)} of message ${messageId} has more digits than PostgreSQL holds: ${before} before the point, ${behind} behind it`,
    );
  return volume;
}

function shown(volume: string): string {
  return volume.length <= 60 ? volume : `${volume.slice(0, 60)}…`;
}

function invalid(message: string): NephoscopeError {
  return new PermanentError('SAMPLE_INVALID', message);
}
