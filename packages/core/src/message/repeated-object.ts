import type { JsonValue } from './json.js';
import type { FormWriter } from './signature-form.js';

/** An object that stands alike in many messages, with its signed text (UTF-8) once that was written. */
export class RepeatedObject extends Map<string, JsonValue> {
  signed: { readonly form: FormWriter; readonly key: string; readonly bytes: Uint8Array } | undefined;
}
