import type { JsonValue } from './json.js';

/**
 * How the signed text of a message is made. `ceilometer`: as in OpenStack's Ceilometer; `canonical`: without its
 * weakness.
 */
export const signatureForms = ['ceilometer', 'canonical'] as const;
export type SignatureForm = (typeof signatureForms)[number];

export function isSignatureForm(value: unknown): value is SignatureForm {
  return signatureForms.some((form) => form === value);
}

/** Writes the signed text: the head, then each field in the order of the keys. */
export interface FormWriter {
  readonly name: SignatureForm;
  head(fields: number): string;
  field(key: string, value: JsonValue): string;
}
