import { noArguments, noResult, type Procedure } from '../rpc/procedure.js';

/** `VIR_CONNECT_RO`. */
const CONNECT_READ_ONLY = 1;
/** `VIR_DRV_FEATURE_PROGRAM_KEEPALIVE`: requesting it makes the daemon send keepalives, too. */
export const FEATURE_KEEPALIVE = 10;
/** `REMOTE_AUTH_TYPE_LIST_MAX`. */
const AUTH_TYPE_LIST_MAX = 20;

/** `remote_auth_type`. */
export const AuthType = { none: 0, sasl: 1, polkit: 2 } as const;

export const authList: Procedure<void, number[]> = {
  name: 'auth_list',
  number: 66,
  encode: noArguments,
  decode: (reader) => reader.array(AUTH_TYPE_LIST_MAX, 4, (item) => item.int32()),
};

export const authPolkit: Procedure<void, boolean> = {
  name: 'auth_polkit',
  number: 70,
  encode: noArguments,
  decode: (reader) => reader.boolean(),
};

export const connectSupportsFeature: Procedure<number, boolean> = {
  name: 'connect_supports_feature',
  number: 60,
  encode: (writer, feature) => writer.int32(feature),
  decode: (reader) => reader.boolean(),
};

export const connectOpen: Procedure<{ name: string; readOnly: boolean }, void> = {
  name: 'connect_open',
  number: 1,
  encode(writer, { name, readOnly }) {
    writer.optional(name, (value) => writer.string(value));
    writer.uint32(readOnly ? CONNECT_READ_ONLY : 0);
  },
  decode: noResult,
};

export const connectClose: Procedure<void, void> = {
  name: 'connect_close',
  number: 2,
  encode: noArguments,
  decode: noResult,
};
