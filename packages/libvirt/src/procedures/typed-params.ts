import type { TypedParams, TypedValue } from '../types.js';
import type { NameCache } from '../xdr/name-cache.js';
import { XdrError, type XdrReader } from '../xdr/reader.js';

/** `virTypedParameterType`. */
export const ParamType = { int: 1, uint: 2, llong: 3, ullong: 4, double: 5, boolean: 6, string: 7 } as const;

/** The fewest bytes of a `remote_typed_param`: an empty name, the type, the smallest value. */
const PARAM_MIN_BYTES = 12;

/** Reads `remote_typed_param<max>`; `names` makes one string of the names that repeat. */
export function readTypedParams(reader: XdrReader, max: number, names: NameCache): TypedParams {
  const params = new Map<string, TypedValue>();
  for (let left = reader.count(max, PARAM_MIN_BYTES); left > 0; left -= 1) {
    const name = reader.name(names);
    params.set(name, readTypedValue(reader));
  }
  return params;
}

function readTypedValue(reader: XdrReader): TypedValue {
  const type = reader.int32();
  switch (type) {
    case ParamType.ullong:
      return reader.uint64();
    case ParamType.uint:
      return reader.uint32();
    case ParamType.string:
      return reader.string();
    case ParamType.int:
      return reader.int32();
    case ParamType.llong:
      return reader.int64();
    case ParamType.double:
      return reader.double();
    case ParamType.boolean:
      return reader.boolean();
    default:
      throw new XdrError(`a typed parameter of the unknown type ${type}`);
  }
}
