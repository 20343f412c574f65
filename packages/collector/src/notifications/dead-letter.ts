import { formatJson, isJsonObject } from '@nephoscope/message';
import type { JsonObject, JsonValue } from '@nephoscope/message';

import { mayHoldSecret, withoutCredentials } from './credentials.js';

/** What plugins may need of a notification in addition to its payload. */
const keptFields = [
  'event_type',
  'message_id',
  'publisher_id',
  'timestamp',
  'priority',
  '_context_user_id',
  '_context_project_id',
  '_context_tenant',
  '_context_tenant_id',
  '_context_request_id',
];

/**
 * The dead letter of a notification that a plugin failed on: again a notification, a bare one, so that it can be
 * resent after the plugin is fixed, without credentials and most of its context.
 */
export function reducedNotification(fields: JsonObject): Uint8Array {
  const kept = new Map<string, JsonValue>();
  for (const key of keptFields) {
    const value = fields.get(key);
    if (value === null || (typeof value === 'string' && !mayHoldSecret(value))) kept.set(key, value);
  }
  const payload = fields.get('payload');
  if (isJsonObject(payload)) kept.set('payload', withoutCredentials(payload));
  return Buffer.from(formatJson(kept), 'utf8');
}
