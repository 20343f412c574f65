import { NephoscopeError } from '@nephoscope/core';
import type { Metadata, MetadataValue } from '@nephoscope/core';
import { PayloadReader } from '@nephoscope/core/notification';
import type { Notification } from '@nephoscope/core/notification';

/** One resource in a notification. */
export interface Announced {
  readonly id: string;
  readonly fields: PayloadReader;
}

/**
 * The resources of a payload: `{"network": {…}}`, or `{"networks": [{…}, …]}` for a bulk creation. A deletion has the
 * id in addition, from an old neutron only the id. Each is read on demand.
 *
 * @throws NOTIFICATION_FIELD; so does each of the functions, for its resource
 */
export function announced(resource: string, { eventType, payload }: Notification): readonly (() => Announced)[] {
  const reader = new PayloadReader(payload);
  if (eventType === `${resource}.delete.end`) {
    const fields = reader.value(resource) === null ? new PayloadReader({}) : reader.inner(resource);
    return [() => ({ id: fields.optionalText('id') ?? reader.text(`${resource}_id`), fields })];
  }
  const many = reader.value(`${resource}s`);
  if (many === null) return [() => identified(reader.inner(resource))];
  const path = `payload.${resource}s`;
  if (!Array.isArray(many)) throw wrong(path, 'a list');
  return many.map((item: MetadataValue, index) => () => {
    if (!isObject(item)) throw wrong(`${path}[${index}]`, 'an object');
    return identified(new PayloadReader(item, `${path}[${index}]`));
  });
}

const identified = (fields: PayloadReader): Announced => ({ id: fields.text('id'), fields });

function isObject(value: MetadataValue): value is Metadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(path: string, wanted: string): NephoscopeError {
  return new NephoscopeError('NOTIFICATION_FIELD', `${path} of the notification is not ${wanted}`);
}
