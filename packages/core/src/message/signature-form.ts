import type { JsonObject, JsonValue } from './json.js';
import { inKeyOrder } from './key-order.js';

/** How a message becomes the text that is signed. `ceilometer`: as OpenStack's Ceilometer does; `canonical`: without its weakness. */
export const signatureForms = ['ceilometer', 'canonical'] as const;
export type SignatureForm = (typeof signatureForms)[number];

/** Writes the signed text: the head, then each field in the order of the keys. */
export interface FormWriter {
  readonly name: SignatureForm;
  head(fields: number): string;
  field(key: string, value: JsonValue): string;
}

/** The text of a message that is signed: all of its fields but `message_signature`. */
export function signedText(form: FormWriter, message: JsonObject): string {
  let text = form.head(message.size - (message.has('message_signature') ? 1 : 0));
  for (const [key, value] of inKeyOrder(message)) {
    if (key !== 'message_signature') text += form.field(key, value);
  }
  return text;
}
