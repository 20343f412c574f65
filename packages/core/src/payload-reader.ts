import type { Metadata, MetadataValue } from './counter.js';
import { NephoscopeError } from './errors.js';
import { isTimestamp } from './timestamp.js';

/** Fields in which OpenStack's services say when something happened. */
const times: ReadonlySet<string> = new Set([
  'created_at',
  'updated_at',
  'launched_at',
  'terminated_at',
  'deleted_at',
]);

/**
 * Reads fields of a notification's payload. A field that is not there, `null` or (where a text or number is asked for)
 * empty is missing; of another type it is an error, never converted.
 */
export class PayloadReader {
  readonly #fields: Metadata;
  readonly #path: string;

  /** @param path stands before the names of fields in errors, such as `payload.network` */
  constructor(fields: Metadata, path = 'payload') {
    this.#fields = fields;
    this.#path = path;
  }

  /** @throws NOTIFICATION_FIELD when it is missing or no text */
  text(key: string): string {
    return this.optionalText(key) ?? this.#missing(key);
  }

  /** @throws NOTIFICATION_FIELD when it is there and no text */
  optionalText(key: string): string | null {
    const value = this.value(key);
    if (value === null || value === '') return null;
    return typeof value === 'string' ? value : this.#wrong(key, 'a text');
  }

  /** @throws NOTIFICATION_FIELD when it is missing or no number that is 0 or more */
  amount(key: string): number | bigint {
    const value = this.value(key);
    if (value === null || value === '') return this.#missing(key);
    return (typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value))) && value >= 0
      ? value
      : this.#wrong(key, 'a number that is 0 or more');
  }

  /** @throws NOTIFICATION_FIELD when it is missing or no object */
  object(key: string): Metadata {
    const value = this.value(key);
    if (value === null) return this.#missing(key);
    return isObject(value) ? value : this.#wrong(key, 'an object');
  }

  /** The fields of the object `key`. @throws NOTIFICATION_FIELD when it is missing or no object */
  inner(key: string): PayloadReader {
    return new PayloadReader(this.object(key), `${this.#path}.${key}`);
  }

  /** The fields of each object of the list `key`, none when it is missing. @throws NOTIFICATION_FIELD for all else */
  list(key: string): readonly PayloadReader[] {
    const items = this.value(key);
    if (items === null) return [];
    if (!Array.isArray(items)) return this.#wrong(key, 'a list');
    return items.map((item: MetadataValue, index) => {
      const name = `${key}[${index}]`;
      return isObject(item) ? new PayloadReader(item, `${this.#path}.${name}`) : this.#wrong(name, 'an object');
    });
  }

  /** The unchanged value; null when it is missing. */
  value(key: string): MetadataValue {
    return Object.hasOwn(this.#fields, key) ? (this.#fields[key] ?? null) : null;
  }

  /** These fields as metadata, `null` where one is missing, or is a time and holds none. */
  pick(keys: readonly string[]): Metadata {
    return Object.fromEntries(keys.map((key) => [key, this.#isWrongTime(key) ? null : this.value(key)]));
  }

  /** The fields for times that hold something else: no time, and not nothing (`null`, or an empty text) either. */
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
