import type { Domain } from '../types.js';
import type { XdrReader } from '../xdr/reader.js';
import type { XdrWriter } from '../xdr/writer.js';

/** `REMOTE_DOMAIN_LIST_MAX`: most domains in one list. */
export const DOMAIN_LIST_MAX = 16_384;
/** The fewest bytes of a `remote_nonnull_domain`: an empty name, the UUID, the id. */
export const DOMAIN_MIN_BYTES = 24;

export function writeDomain(writer: XdrWriter, domain: Domain): void {
  writer.string(domain.name);
  writer.uuid(domain.uuid);
  writer.int32(domain.id);
}

export function readDomain(reader: XdrReader): Domain {
  return { name: reader.string(), uuid: reader.uuid(), id: reader.int32() };
}
