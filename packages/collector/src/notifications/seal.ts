import type { Secret } from '@nephoscope/core/options';
import { createSigner, createVerifier, isJsonObject, parseJson, signJsonMessage } from '@nephoscope/message';
import type { JsonObject } from '@nephoscope/message';

const mark = 'set_aside_by';

/**
 * Signs what a collector sets aside. When an operator replays it, it arrives directly in the queue, as anybody might put
 * something there: by its seal it is known for what was looked at, and taken whatever was against it.
 */
export class Seal {
  readonly #collector: string;
  readonly #signer;
  readonly #verifier;

  /** @param secrets the first signs */
  constructor(collector: string, secrets: readonly Secret[]) {
    this.#collector = collector;
    this.#signer = createSigner({ secret: secrets[0] as Secret, form: 'canonical' });
    this.#verifier = createVerifier({ secrets, forms: ['canonical'] });
  }

  /** @param notification the JSON text of a bare one */
  put(notification: Uint8Array): Uint8Array {
    const fields = parseJson(Buffer.from(notification).toString('utf8'));
    if (!isJsonObject(fields)) throw new Error('a notification is an object');
    return Buffer.from(signJsonMessage(new Map(fields).set(mark, this.#collector), this.#signer), 'utf8');
  }

  isOn(fields: JsonObject): boolean {
    return fields.has(mark) && this.#verifier.verify(fields) === 'verified';
  }
}
