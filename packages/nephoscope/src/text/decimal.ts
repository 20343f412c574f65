/** A decimal number without rounding: `digits` times ten to the power of `exponent`. */
export interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

const form = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;

/** The value of a JSON number; undefined if it is not one, or its exponent exceeds 999. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', power = '0'] = match;
  const digits = BigInt(whole + fraction);
  return { digits: sign === '-' ? -digits : digits, exponent: Number(power) - fraction.length };
}

/** `later - earlier`, exactly. */
export function subtract(later: Decimal, earlier: Decimal): Decimal {
  const exponent = Math.min(later.exponent, earlier.exponent);
  const shifted = (value: Decimal) => value.digits * 10n ** BigInt(value.exponent - exponent);
  return { digits: shifted(later) - shifted(earlier), exponent };
}

/** Whether both are the same number: `1.0` and `10e-1` are. */
export function equal(one: Decimal, other: Decimal): boolean {
  return subtract(one, other).digits === 0n;
}

/** A JSON number for display: the same digits, with the integer part in groups of three. */
export function groupDigits(text: string): string {
  return text.replace(
    /^(-?)(\d{4,})(?=$|\.)/,
    (_, sign: string, whole: string) => sign + whole.replace(/\B(?=(\d{3})+$)/g, ','),
  );
}
