import { noArguments, type Procedure } from '../rpc/procedure.js';
import type { NodeInfo } from '../types.js';

const MODEL_CHARS = 32;

export const nodeGetInfo: Procedure<void, NodeInfo> = {
  name: 'node_get_info',
  number: 6,
  encode: noArguments,
  decode(reader) {
    // `char model[32]` is an array of XDR integers, each of four bytes.
    let model = '';
    let ended = false;
    for (let index = 0; index < MODEL_CHARS; index += 1) {
      const char = reader.int32();
      ended ||= char === 0;
      if (!ended) model += String.fromCharCode(char & 0xff);
    }
    return {
      model,
      memoryKib: reader.uint64(),
      cpus: reader.int32(),
      mhz: reader.int32(),
      nodes: reader.int32(),
      sockets: reader.int32(),
      cores: reader.int32(),
      threads: reader.int32(),
    };
  },
};

export const connectGetHostname: Procedure<void, string> = {
  name: 'connect_get_hostname',
  number: 59,
  encode: noArguments,
  decode: (reader) => reader.string(),
};

export const connectGetUri: Procedure<void, string> = {
  name: 'connect_get_uri',
  number: 110,
  encode: noArguments,
  decode: (reader) => reader.string(),
};

export const connectGetCapabilities: Procedure<void, string> = {
  name: 'connect_get_capabilities',
  number: 7,
  encode: noArguments,
  decode: (reader) => reader.string(),
};

export const connectGetVersion: Procedure<void, string> = {
  name: 'connect_get_version',
  number: 4,
  encode: noArguments,
  decode: (reader) => version(reader.uint64()),
};

export const connectGetLibVersion: Procedure<void, string> = {
  name: 'connect_get_lib_version',
  number: 157,
  encode: noArguments,
  decode: (reader) => version(reader.uint64()),
};

/** libvirt's versions are major × 1,000,000 + minor × 1,000 + release. */
function version(number: bigint): string {
  return `${number / 1_000_000n}.${(number / 1_000n) % 1_000n}.${number % 1_000n}`;
}
