import type { JsonObject, JsonValue } from './json.js';
import { inKeyOrder } from './key-order.js';
import { RepeatedObject } from './repeated-object.js';

/** How a message becomes the text that is signed. `ceilometer`: as OpenStack's Ceilometer does; `canonical`: without its weakness. */
export const signatureForms = ['ceilometer', 'canonical'] as const;
export type SignatureForm = (typeof signatureForms)[number];

/** Writes the signed text: the head, then each field in the order of the keys. */
export interface FormWriter {
  readonly name: SignatureForm;
  head(fields: number): string;
  field(key: string, value: JsonValue): string;
}

/**
 * The text of a message that is signed: all of its fields but `message_signature`. In parts, of which those in UTF-8
 * are kept from message to message.
 */
export function signedText(form: FormWriter, message: JsonObject): readonly (string | Uint8Array)[] {
  const parts: (string | Uint8Array)[] = [];
  let text = form.head(message.size - (message.has('message_signature') ? 1 : 0));
  for (const [key, value] of inKeyOrder(message)) {
    if (key === 'message_signature') continue;
    if (value instanceof RepeatedObject) {
      parts.push(text, repeatedField(form, key, value));
      text = '';
    } else {
      text += form.field(key, value);
    }
  }
  parts.push(text);
  return parts;
}

function repeatedField(form: FormWriter, key: string, value: RepeatedObject): Uint8Array {
  if (value.signed?.form !== form || value.signed.key !== key)
    value.signed = { form, key, bytes: Buffer.from(form.field(key, value)) };
  return value.signed.bytes;
}
