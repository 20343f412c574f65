import { randomUUID } from 'node:crypto';

import { formatTimestamp, describeError } from '@nephoscope/core';
import { derivedMessageId, isJsonObject, readMeteringMessage, signJsonMessage } from '@nephoscope/message';
import type { JsonNumber, JsonObject, JsonValue } from '@nephoscope/message';

import { badRequest } from '../fault.js';
import type { SamplePublisher } from './sample-publisher.js';

/** A sample that a client posted, with what it left out filled in. */
export interface PostedSample {
  readonly source: string;
  readonly meter: string;
  readonly type: string;
  readonly unit: string;
  readonly volume: JsonNumber;
  readonly userId: string | null;
  readonly projectId: string | null;
  readonly resourceId: string;
  /** ns since 1970 UTC. */
  readonly timestamp: bigint;
  /** Texts, as they were sent: dots in the keys stand for nested objects. */
  readonly metadata: ReadonlyMap<string, string | null>;
}

/**
 * Ids for samples of one request. Of a sample whose time the client gave, the same request makes the same id again, so that one
 * that is repeated after a lost reply is recorded once; equal samples of one request are different ones.
 */
export class MessageIds {
  readonly #seen = new Map<string, number>();

  idOf(sample: PostedSample, hasOwnTime: boolean): string {
    if (!hasOwnTime) return randomUUID();
    const { source, meter, type, unit, volume, userId, projectId, resourceId, timestamp, metadata } = sample;
    const content = JSON.stringify([
      ...[source, meter, type, unit, volume.text, userId, projectId, resourceId, String(timestamp)],
      [...metadata],
    ]);
    const before = this.#seen.get(content) ?? 0;
    this.#seen.set(content, before + 1);
    return derivedMessageId('api', content, String(before));
  }
}

/**
 * The signed metering message. It has no `sequence`, as a message that may be sent twice has none.
 *
 * @throws 400 for one that no collector would record
 */
export function meteringMessage(
  sample: PostedSample,
  messageId: string,
  { signer, publisherId }: Pick<SamplePublisher, 'signer' | 'publisherId'>,
): string {
  const fields: readonly (readonly [string, JsonValue])[] = [
    ['counter_name', sample.meter],
    ['counter_type', sample.type],
    ['counter_unit', sample.unit],
    ['counter_volume', sample.volume],
    ['message_id', messageId],
    ['project_id', sample.projectId],
    ['publisher_id', publisherId],
    ['resource_id', sample.resourceId],
    ['resource_metadata', nested(sample.metadata)],
    ['source', sample.source],
    ['timestamp', formatTimestamp(sample.timestamp)],
    ['user_id', sample.userId],
  ];
  try {
    const text = signJsonMessage(new Map(fields), signer);
    readMeteringMessage(text);
    return text;
  } catch (error) {
    throw badRequest(`The sample cannot be recorded: ${describeError(error)}`);
  }
}

/** `{a.b: 1}` is `{a: {b: 1}}`, unless `a` is a value of its own. */
function nested(flat: ReadonlyMap<string, string | null>): JsonObject {
  const object = new Map<string, JsonValue>();
  for (const [key, value] of flat) {
    const path = key.split('.');
    let inner: Map<string, JsonValue> = object;
    for (const [at, name] of path.slice(0, -1).entries()) {
      const there = inner.get(name) ?? new Map<string, JsonValue>();
      if (!isJsonObject(there) || flat.has(path.slice(0, at + 1).join('.')))
        throw badRequest(`resource_metadata has both '${path.slice(0, at + 1).join('.')}' and '${key}'`);
      inner.set(name, there);
      inner = there as Map<string, JsonValue>;
    }
    inner.set(path.at(-1) ?? '', value);
  }
  return object;
}
