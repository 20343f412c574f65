import { NephoscopeError } from '@nephoscope/core';
import type { Metadata, MetadataValue } from '@nephoscope/core';

/**
 * Reads fields of listed items. An absent, `null` or empty field is missing; one of another type is an error, never
 * converted.
 */
export class Item {
  readonly #fields: Metadata;

  constructor(fields: Metadata) {
    this.#fields = fields;
  }

  get keys(): readonly string[] {
    return Object.keys(this.#fields);
  }

  /** @throws CLOUD_ITEM if it is missing or not a text */
  text(key: string): string {
    return this.optionalText(key) ?? this.#wrong(`has no '${key}'`);
  }

  /** @throws CLOUD_ITEM if it is present and not a text */
  optionalText(key: string): string | null {
    const value = this.value(key);
    if (value === null || value === '') return null;
    return typeof value === 'string' ? value : this.#wrong(`has a '${key}' that is not a string`);
  }

  /** @throws CLOUD_ITEM if it is missing or not a whole number of at least 0 */
  amount(key: string): number | bigint {
    const value = this.value(key);
    if (value === null) return this.#wrong(`has no '${key}'`);
    const isWhole = typeof value === 'bigint' || Number.isInteger(value);
    return isWhole && (value as number | bigint) >= 0
      ? (value as number | bigint)
      : this.#wrong(`has a '${key}' that is not a whole number`);
  }

  /** The unchanged value; null if it is missing. */
  value(key: string): MetadataValue {
    return Object.hasOwn(this.#fields, key) ? (this.#fields[key] ?? null) : null;
  }

  /** These fields as metadata, `null` if one is missing. */
  pick(keys: readonly string[]): Metadata {
    return Object.fromEntries(keys.map((key) => [key, this.value(key)]));
  }

  #wrong(what: string): never {
    throw new NephoscopeError('CLOUD_ITEM', `the service lists one that ${what}`);
  }
}
