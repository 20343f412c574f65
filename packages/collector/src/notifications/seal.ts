import type { Secret } from '@nephoscope/core/options';
import { createSigner, createVerifier, isJsonObject, parseJson, signJsonMessage } from '@nephoscope/message';
import type { JsonObject } from '@nephoscope/message';

const mark = 'set_aside_by';

/**
 * Signs what a collector quarantines. When an operator replays it, it arrives directly in the queue, where anyone
 * could publish. The signature shows that it was checked before, and it is accepted in spite of the check.
 */
export class Seal {
  readonly #collector: string;
  readonly #signer;
  readonly #verifier;

  /** @param secrets the first one signs */
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
