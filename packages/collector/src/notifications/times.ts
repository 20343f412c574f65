import { isTimestamp, parseTimestamp } from '@nephoscope/core';
import { PayloadReader } from '@nephoscope/core/notification';
import type { Notification } from '@nephoscope/core/notification';

/** The fields of the payload, in nova's versioned form those of its object. */
export function saidOf({ payload }: Notification): PayloadReader {
  return inner(new PayloadReader(payload), 'nova_object.data');
}

/**
 * Beginning and end of an audit's period (ns since 1970 UTC), in either form of nova's notifications or in those of
 * other services.
 */
export function periodOf(notification: Notification): readonly [bigint | undefined, bigint | undefined] {
  const fields = inner(inner(saidOf(notification), 'audit_period'), 'nova_object.data');
  return [momentOf(fields.value('audit_period_beginning')), momentOf(fields.value('audit_period_ending'))];
}

/** Undefined if it is not a time, which the plugin then refuses. */
export function momentOf(value: unknown): bigint | undefined {
  return isTimestamp(value) ? parseTimestamp(value) : undefined;
}

function inner(fields: PayloadReader, key: string): PayloadReader {
  const value = fields.value(key);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? fields.inner(key) : fields;
}
