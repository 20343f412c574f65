import type { Counter } from '../counter.js';
import { NephoscopeError } from '../errors.js';
import { formatTimestamp } from '../timestamp.js';
import { JsonNumber, isWellFormed, quoteJson } from './json.js';
import { writeMetadata } from './metadata.js';
import type { Signer } from './signature.js';

/** What a metering message says beside its counter. */
export interface MeteringEnvelope {
  /** The system that the counter comes from; `openstack` unless configured. */
  readonly source: string;
  /** Unique; a store records a message id once. */
  readonly messageId: string;
  /** Which agent made the message. */
  readonly publisherId: string;
  /** The message's number among those of its agent. */
  readonly sequence: bigint;
  /** For a cumulative counter: which run of the resource its volume counts from. */
  readonly epoch?: string | undefined;
}

/**
 * The signed metering message of a counter: one line of JSON without a line end.
 *
 * Its keys are Ceilometer's and `publisher_id`, `sequence`, `epoch` (where there is one) and `signature_form`,
 * all in signing order, then `message_signature`. A `bigint` volume is a JSON integer with all its digits, a
 * number the shortest text that reads back.
 *
 * @throws METER_VOLUME when the volume is NaN or infinite
 * @throws COUNTER_INVALID when metadata or another text cannot be written as JSON
 */
export function signMeteringMessage(counter: Counter, envelope: MeteringEnvelope, signer: Signer): string {
  const { writer } = signer;
  const { epoch } = envelope;
  const metadata = writeMetadata(counter.resourceMetadata, writer);
  let json = '{';
  let signed = writer.head(epoch === undefined ? 14 : 15);

  const text = (key: string, value: string | null): void => {
    if (value === null) json += `"${key}":null,`;
    else if (isWellFormed(value)) json += `"${key}":${quoteJson(value)},`;
    else
      throw new NephoscopeError(
        'COUNTER_INVALID',
        `${key} of a counter '${counter.name}' holds half a surrogate pair, which JSON cannot hold`,
      );
    signed += writer.field(key, value);
  };
  const number = (key: string, value: number | bigint): void => {
    const digits = String(value);
    json += `"${key}":${digits},`;
    signed += writer.field(key, new JsonNumber(digits));
  };

  // The order of the keys is that of the signed text.
  text('counter_name', counter.name);
  text('counter_type', counter.type);
  text('counter_unit', counter.unit);
  number('counter_volume', finiteVolume(counter));
  if (epoch !== undefined) text('epoch', epoch);
  text('message_id', envelope.messageId);
  text('project_id', counter.projectId);
  text('publisher_id', envelope.publisherId);
  text('resource_id', counter.resourceId);
  json += `"resource_metadata":${metadata.json},`;
  signed += metadata.signed;
  number('sequence', envelope.sequence);
  text('signature_form', signer.form);
  text('source', envelope.source);
  text('timestamp', formatTimestamp(counter.timestamp));
  text('user_id', counter.userId);
  return `${json}"message_signature":"${signer.sign(signed)}"}`;
}

function finiteVolume({ name, resourceId, volume }: Counter): number | bigint {
  if (typeof volume === 'bigint' || Number.isFinite(volume)) return volume;
  throw new NephoscopeError(
    'METER_VOLUME',
    `the volume of '${name}' for '${resourceId}' is ${volume}: a volume is a finite number, and a missing figure is not sent`,
  );
}
