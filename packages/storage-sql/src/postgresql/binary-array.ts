/** The binary form of one-dimensional arrays in PostgreSQL: no quoting here and no parsing there. */

/** The object ids of the element types, which are the same in every PostgreSQL. */
const oid = { bytea: 17, int8: 20, text: 25, uuid: 2950 } as const;

export function uuidArray(values: readonly (Buffer | null)[]): Buffer {
  return binaryArray(oid.uuid, values, 16 * values.length, (buffer, at, value) => value.copy(buffer, at));
}

/** An array of bytes that are given as hexadecimal digits. */
export function hexArray(values: readonly (string | null)[]): Buffer {
  const size = values.reduce((sum, value) => sum + (value?.length ?? 0) / 2, 0);
  return binaryArray(oid.bytea, values, size, (buffer, at, value) => buffer.write(value, at, 'hex'));
}

export function int8Array(values: readonly (bigint | null)[]): Buffer {
  return binaryArray(
    oid.int8,
    values,
    8 * values.length,
    (buffer, at, value) => buffer.writeBigInt64BE(value, at) - at,
  );
}

export function textArray(values: readonly (string | null)[]): Buffer {
  // Each UTF-16 unit needs at most three bytes.
  const most = values.reduce((sum, value) => sum + 3 * (value?.length ?? 0), 0);
  return binaryArray(oid.text, values, most, (buffer, at, value) => buffer.write(value, at));
}

/**
 * @param size upper limit for all values, in bytes
 * @param write writes the value and returns the number of bytes
 */
function binaryArray<T>(
  type: number,
  values: readonly (T | null)[],
  size: number,
  write: (buffer: Buffer, at: number, value: T) => number,
): Buffer {
  const buffer = Buffer.allocUnsafe(20 + 4 * values.length + size);
  const dimensions = values.length === 0 ? 0 : 1;
  buffer.writeInt32BE(dimensions, 0);
  buffer.writeInt32BE(values.includes(null) ? 1 : 0, 4);
  buffer.writeInt32BE(type, 8);
  if (dimensions === 0) return buffer.subarray(0, 12);
  buffer.writeInt32BE(values.length, 12);
  buffer.writeInt32BE(1, 16); // the first index
  let at = 20;
  for (const value of values) {
    const length = value === null ? 0 : write(buffer, at + 4, value);
    buffer.writeInt32BE(value === null ? -1 : length, at);
    at += 4 + length;
  }
  return buffer.subarray(0, at);
}
