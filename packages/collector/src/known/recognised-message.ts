import { canonicalForm, JsonNumber } from '@nephoscope/message';
import type { SignedMessage } from '@nephoscope/message';

import type { KnownMeter, KnownResource, Slot } from './known-parts.js';
import type { OwnValues } from './own-values.js';

/** A message in the canonical form that consists of known parts and a few values of its own. */
export interface Recognised {
  readonly meter: KnownMeter;
  readonly resource: KnownResource;
  readonly volume: string;
  readonly values: OwnValues;
}

/** The form of a recognised message that the verifier takes. */
export class RecognisedMessage implements SignedMessage {
  readonly form = canonicalForm.name;
  readonly #recognised: Recognised;

  constructor(recognised: Recognised) {
    this.#recognised = recognised;
  }

  get key(): string | undefined {
    return this.#recognised.resource.key;
  }

  get signature(): string {
    return this.#recognised.values.signature;
  }

  ambiguity(): undefined {
    return undefined;
  }

  signedText(): readonly (string | Uint8Array)[] {
    const { meter, resource, volume, values } = this.#recognised;
    const { metadata, signed, size, slots } = resource;
    let text =
      canonicalForm.head(meter.size + 1 + size) +
      meter.signed +
      canonicalForm.field('counter_volume', new JsonNumber(volume));
    let before = '';
    text += signed[0] as string;
    for (let at = 0; at < slots.length; at++) {
      switch (slots[at] as Slot) {
        case 'message_id':
          text += canonicalForm.field('message_id', values.messageId);
          break;
        case 'resource_metadata':
          before = text;
          text = '';
          break;
        case 'sequence':
          text += canonicalForm.field('sequence', new JsonNumber(values.sequence));
          break;
        case 'timestamp':
          text += canonicalForm.field('timestamp', values.time);
          break;
        case 'message_signature': // It is not signed.
      }
      text += signed[at + 1] as string;
    }
    return [before, metadata.signed, text];
  }
}
