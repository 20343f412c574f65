import type { Metadata, MetadataValue } from './counter.js';
import { NephoscopeError } from './errors.js';
import { isTimestamp } from './timestamp.js';

/** Fields with which OpenStack's services state times. */
const times: ReadonlySet<string> = new Set([
  'created_at',
  'updated_at',
  'launched_at',
  'terminated_at',
  'deleted_at',
]);

/**
 * Reads fields of a notification's payload. A field that is absent, `null` or (for texts and numbers) empty is
 * missing; a field of another type is an error and is never converted.
 */
export class PayloadReader {
  readonly #fields: Metadata;
  readonly #path: string;

  /** @param path prefix of field names in errors, such as `payload.network` */
  constructor(fields: Metadata, path = 'payload') {
    this.#fields = fields;
    this.#path = path;
  }

  /** @throws NOTIFICATION_FIELD if it is missing or not a text */
  text(key: string): string {
    return this.optionalText(key) ?? this.#missing(key);
  }

  /** @throws NOTIFICATION_FIELD if it is present and not a text */
  optionalText(key: string): string | null {
    const value = this.value(key);
    if (value === null || value === '') return null;
    return typeof value === 'string' ? value : this.#wrong(key, 'a text');
  }

  /** @throws NOTIFICATION_FIELD if it is missing or not a number of at least 0 */
  amount(key: string): number | bigint {
    const value = this.value(key);
    if (value === null || value === '') return this.#missing(key);
    return (typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value))) && value >= 0
      ? value
      : this.#wrong(key, 'a number that is 0 or more');
  }

  /** @throws NOTIFICATION_FIELD if it is missing or not an object */
  object(key: string): Metadata {
    const value = this.value(key);
    if (value === null) return this.#missing(key);
    return isObject(value) ? value : this.#wrong(key, 'an object');
  }

  /** The fields of the object `key`. @throws NOTIFICATION_FIELD if it is missing or not an object */
  inner(key: string): PayloadReader {
    return new PayloadReader(this.object(key), `${this.#path}.${key}`);
  }

  /**
   * The fields of each object in the list `key`; none if it is missing. @throws NOTIFICATION_FIELD for anything else
   */
  list(key: string): readonly PayloadReader[] {
    const items = this.value(key);
    if (items === null) return [];
    if (!Array.isArray(items)) return this.#wrong(key, 'a list');
    return items.map((item: MetadataValue, index) => {
      const name = `${key}[${index}]`;
      return isObject(item) ? new PayloadReader(item, `${this.#path}.${name}`) : this.#wrong(name, 'an object');
    });
  }

  /** The unchanged value; null if it is missing. */
  value(key: string): MetadataValue {
    return Object.hasOwn(this.#fields, key) ? (this.#fields[key] ?? null) : null;
  }

  /** These fields as metadata, `null` if one is missing, or is a time field with an invalid time. */
  pick(keys: readonly string[]): Metadata {
    return Object.fromEntries(keys.map((key) => [key, this.#isWrongTime(key) ? null : this.value(key)]));
  }

  /** Time fields with an invalid value, other than `null` and an empty text. */
  wrongTimes(): readonly string[] {
    return Object.keys(this.#fields).filter((key) => this.#isWrongTime(key));
  }

  #isWrongTime(key: string): boolean {
    if (!times.has(key)) return false;
    const value = this.value(key);
    return value !== null && value !== '' && !isTimestamp(value);
  }

  #missing(key: string): never {
    throw new NephoscopeError('NOTIFICATION_FIELD', `the notification has no ${this.#path}.${key}`);
  }

  #wrong(key: string, wanted: string): never {
    throw new NephoscopeError('NOTIFICATION_FIELD', `${this.#path}.${key} of the notification is not ${wanted}`);
  }
}

function isObject(value: MetadataValue): value is Metadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
