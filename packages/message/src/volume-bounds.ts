/**
 * Digits that a volume may have before and after the decimal point, when it is written without an exponent. All 64-bit floats
 * as programs write them fit, from 5e-324 to 1.7976931348623157e308. Larger numbers measure nothing, and a few characters such
 * as 1e999999999 would take any time and memory to add up.
 */
const maxVolumeDigits = 400;

const form = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
const usual = /^-?\d{1,40}(?:\.\d{1,40})?$/;
const limit = 10n ** BigInt(maxVolumeDigits);

/**
 * Why a number cannot be a volume, to follow its name in a sentence; undefined if it can. Agents, the API, imports and collectors
 * ask it of every sample, so that no store records what no figure can be made of.
 */
export function volumeProblem(volume: string | bigint): string | undefined {
  if (typeof volume === 'bigint') return volume < limit && volume > -limit ? undefined : tooLong(String(volume));
  if (usual.test(volume)) return undefined;
  const [, whole, fraction = '', exponent = '0'] = form.exec(volume) ?? [];
  if (whole === undefined) return `is ${shown(volume)}, which is not a decimal number`;
  const shift = Number(exponent);
  const leadingZeros = Math.max(0, (whole + fraction).search(/[1-9]/));
  const isShort =
    whole.length - leadingZeros + shift <= maxVolumeDigits && fraction.length - shift <= maxVolumeDigits;
  return isShort ? undefined : tooLong(volume);
}

function tooLong(volume: string): string {
  return `is ${shown(volume)}, which written without an exponent has more than ${maxVolumeDigits} digits before or after the point`;
}

function shown(volume: string): string {
  return volume.length <= 40 ? volume : `${volume.slice(0, 40)}…`;
}
