/** A JSON number: sign, digits from the first that is not 0 to the last, and the power of ten of the first one. */
interface Number {
  readonly sign: -1n | 0n | 1n;
  readonly digits: string;
  readonly power: bigint;
}

/** Which of two JSON numbers is greater, exactly, however many digits or however large an exponent they have. */
export function compareDecimals(one: string, other: string): -1 | 0 | 1 {
  const [left, right] = [read(one), read(other)];
  if (left.sign !== right.sign) return left.sign < right.sign ? -1 : 1;
  const order = left.power === right.power ? orderOf(left.digits, right.digits) : orderOf(left.power, right.power);
  return left.sign === -1n ? ((0 - order) as -1 | 0 | 1) : order;
}

function orderOf<T extends string | bigint | number>(one: T, other: T): -1 | 0 | 1 {
  return one < other ? -1 : one > other ? 1 : 0;
}

function read(text: string): Number {
  const [, minus = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = whole + fraction;
  const leading = digits.search(/[1-9]/);
  if (leading < 0) return { sign: 0n, digits: '', power: 0n };
  return {
    sign: minus === '' ? 1n : -1n,
    digits: digits.slice(leading).replace(/0+$/, ''),
    // `+7` is no text of a bigint.
    power: BigInt(exponent.replace('+', '')) + BigInt(whole.length - leading),
  };
}
