import { copyOf } from './copy-of.js';
import { assemble } from './message-layout.js';
import type { MessageParts } from './message-layout.js';
import type { Recognised } from './recognised-message.js';
import type { Sample } from './sample.js';

/**
 * Its text is put together when somebody asks for it, which few do: thousands of samples wait for their store at a
 * time, and their texts would be most of what the garbage collector has to carry along.
 */
export class RecognisedSample implements Sample {
  readonly messageId: string;
  readonly source: string;
  readonly meter: string;
  readonly type: string;
  readonly unit: string | null;
  readonly volume: string;
  readonly userId: string | null;
  readonly projectId: string | null;
  readonly resourceId: string;
  readonly timestamp: bigint;
  readonly publisherId: string | null;
  readonly sequence: bigint | null;
  readonly epoch: string | null;
  readonly parts: MessageParts;

  constructor({ meter, resource, layout, volume, values }: Recognised) {
    const { fields, metadata } = resource;
    this.messageId = copyOf(values.messageId);
    this.source = fields.source;
    this.meter = meter.fields.meter;
    this.type = meter.fields.type;
    this.unit = meter.fields.unit;
    this.volume = copyOf(volume);
    this.userId = fields.userId;
    this.projectId = fields.projectId;
    this.resourceId = fields.resourceId;
    this.timestamp = values.timestamp;
    this.publisherId = fields.publisherId;
    this.sequence = values.sequence === '' ? null : BigInt(values.sequence);
    this.epoch = fields.epoch;
    this.parts = { layout, metadata: metadata.text, signature: copyOf(values.signature), variations: null };
  }

  get text(): string {
    const { messageId, volume, timestamp, sequence } = this;
    const { layout, ...values } = this.parts;
    return assemble(layout.text, { messageId, volume, timestamp, sequence, ...values });
  }
}
