import { NephoscopeError, formatTimestamp, parseTimestamp } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';
import { isJsonObject, maxMeteringLineBytes, readMeteringMessage, signJsonMessage } from '@nephoscope/message';
import type { JsonObject, JsonValue, Signer } from '@nephoscope/message';

/** A system whose samples are taken over. */
export type Origin = 'ceilometer' | 'gnocchi';

/** The key in `resource_metadata` that names the origin of a sample that was taken over. */
export const originKey = 'taken_over_from';

/**
 * A sample of another system as one of ours, signed here. Its publisher and metadata name the system; its volume has the digits of the
 * file.
 *
 * @param fields by the names of a metering message
 * @throws IMPORT_LINE, MESSAGE_UNREADABLE, SAMPLE_WITHOUT_VOLUME, TIMESTAMP_INVALID
 */
export function takeOver(fields: JsonObject, origin: Origin, signer: Signer): Sample {
  if ((fields.get('message_id') ?? null) === null)
    throw new NephoscopeError('IMPORT_LINE', 'it has no message_id, so that it could not be recorded once only');
  const time = fields.get('timestamp');
  const message = new Map<string, JsonValue>(fields)
    .set('counter_unit', fields.get('counter_unit') ?? null)
    .set('source', fields.get('source') ?? 'openstack')
    .set('publisher_id', `import/${origin}`)
    .set('resource_metadata', metadataOf(fields.get('resource_metadata') ?? null, origin));
  if (typeof time === 'string') message.set('timestamp', formatTimestamp(parseTimestamp(time)));
  const text = signJsonMessage(message, signer);
  if (Buffer.byteLength(text) > maxMeteringLineBytes)
    throw new NephoscopeError('IMPORT_LINE', `it is longer than ${maxMeteringLineBytes} bytes`);
  return readMeteringMessage(text).sample;
}

function metadataOf(metadata: JsonValue, origin: Origin): JsonValue {
  if (metadata === null) return new Map([[originKey, origin]]);
  if (!isJsonObject(metadata)) throw new NephoscopeError('IMPORT_LINE', 'its metadata are not an object');
  if (metadata.has(originKey))
    throw new NephoscopeError('IMPORT_LINE', `its metadata have ${originKey} already: it was taken over before`);
  return new Map(metadata).set(originKey, origin);
}
