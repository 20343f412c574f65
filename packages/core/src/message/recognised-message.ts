import { formWriters } from './form-writers.js';
import { JsonNumber } from './json.js';
import type { KnownMeter, KnownResource, Slot } from './known-parts.js';
import type { Layout } from './message-layout.js';
import type { OwnValues } from './own-values.js';
import type { SignatureForm, SignedMessage } from './signature-form.js';

/** A message that is made of known parts and some values of its own. */
export interface Recognised {
  readonly meter: KnownMeter;
  readonly resource: KnownResource;
  readonly layout: Layout;
  readonly volume: string;
  readonly values: OwnValues;
}

/** For the verifier. */
export class RecognisedMessage implements SignedMessage {
  readonly #recognised: Recognised;

  constructor(recognised: Recognised) {
    this.#recognised = recognised;
  }

  get signature(): string {
    return this.#recognised.values.signature;
  }

  get form(): SignatureForm {
    return this.#recognised.resource.form;
  }

  signedText(): readonly (string | Uint8Array)[] {
    const { meter, resource, volume, values } = this.#recognised;
    const { form, metadata, signed, size, slots } = resource;
    const writer = formWriters[form];
    let text =
      writer.head(meter.size + 1 + size) +
      meter.signed[form] +
      writer.field('counter_volume', new JsonNumber(volume));
    let before = '';
    text += signed[0] as string;
    for (let at = 0; at < slots.length; at++) {
      switch (slots[at] as Slot) {
        case 'message_id':
          text += writer.field('message_id', values.messageId);
          break;
        case 'resource_metadata':
          before = text;
          text = '';
          break;
        case 'sequence':
          text += writer.field('sequence', new JsonNumber(values.sequence));
          break;
        case 'timestamp':
          text += writer.field('timestamp', values.time);
          break;
        case 'message_signature': // It is not signed.
      }
      text += signed[at + 1] as string;
    }
    return [before, metadata.signed, text];
  }
}
