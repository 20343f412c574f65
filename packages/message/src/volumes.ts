/** The sum of two volumes, exact if both are whole numbers. */
export function addVolumes(one: number | bigint, other: number | bigint): number | bigint {
  return isWhole(one) && isWhole(other) ? BigInt(one) + BigInt(other) : Number(one) + Number(other);
}

/** `one` minus `other`, exact if both are whole numbers. */
export function subtractVolumes(one: number | bigint, other: number | bigint): number | bigint {
  return isWhole(one) && isWhole(other) ? BigInt(one) - BigInt(other) : Number(one) - Number(other);
}

const isWhole = (volume: number | bigint): boolean => typeof volume === 'bigint' || Number.isInteger(volume);
