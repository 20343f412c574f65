import { NephoscopeError, PayloadReader } from '@nephoscope/core';
import type { Metadata, MetadataValue, Notification } from '@nephoscope/core';

/** One resource that a notification is about. */
export interface Announced {
  readonly id: string;
  readonly fields: PayloadReader;
}

/**
 * The resources of a payload: `{"network": {…}}`, of a creation in bulk `{"networks": [{…}, …]}`. A deletion has the
 * id beside it, of an old neutron nothing else.
 *
 * @throws NOTIFICATION_FIELD
 */
export function announced(resource: string, { eventType, payload }: Notification): readonly Announced[] {
  const reader = new PayloadReader(payload);
  if (eventType === `${resource}.delete.end`) {
    const fields = reader.value(resource) === null ? new PayloadReader({}) : reader.inner(resource);
    return [{ id: fields.optionalText('id') ?? reader.text(`${resource}_id`), fields }];
  }
  const many = reader.value(`${resource}s`);
  const all = many === null ? [reader.inner(resource)] : itemsOf(many, `payload.${resource}s`);
  return all.map((fields) => ({ id: fields.text('id'), fields }));
}

function itemsOf(list: MetadataValue, path: string): readonly PayloadReader[] {
  if (!Array.isArray(list)) throw wrong(path, 'a list');
  return list.map((item: MetadataValue, index) => {
    if (!isObject(item)) throw wrong(`${path}[${index}]`, 'an object');
    return new PayloadReader(item, `${path}[${index}]`);
  });
}

function isObject(value: MetadataValue): value is Metadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(path: string, wanted: string): NephoscopeError {
  return new NephoscopeError('NOTIFICATION_FIELD', `${path} of the notification is not ${wanted}`);
}
