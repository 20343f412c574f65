import type { MetadataValue } from './counter.js';
import { parseTimestamp } from './timestamp.js';

/** Fields in which OpenStack's services say when something happened. */
export const timeFields = ['created_at', 'updated_at', 'launched_at', 'terminated_at', 'deleted_at'] as const;

const isTimeField = (key: string): boolean => (timeFields as readonly string[]).includes(key);

/** Whether it is a text that {@link parseTimestamp} reads. */
export function isTimestamp(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  try {
    parseTimestamp(value);
    return true;
  } catch {
    return false;
  }
}

/** Whether a field that is a time holds something else: no time, and not nothing (`null`, or an empty text) either. */
export function isWrongTime(key: string, value: MetadataValue): boolean {
  return isTimeField(key) && value !== null && value !== '' && !isTimestamp(value);
}

/** A field as metadata has it: as it came, but a time that is none is missing. */
export function asMetadata(key: string, value: MetadataValue): MetadataValue {
  return isWrongTime(key, value) ? null : value;
}
