import { noResult, type Procedure } from '../rpc/procedure.js';
import type { DeviceEvent, LifecycleEvent } from '../types.js';
import type { XdrReader } from '../xdr/reader.js';
import { readDomain } from './domain-ref.js';

/** A kind of event: libvirt's number of it, the procedure of its messages, and their body after the callback id. */
export interface EventKind<Event> {
  /** `virDomainEventID`. */
  readonly id: number;
  readonly procedure: number;
  readonly decode: (reader: XdrReader) => Event;
}

export const lifecycleEvent: EventKind<LifecycleEvent> = {
  id: 0,
  procedure: 318,
  decode: (reader) => ({ domain: readDomain(reader), event: reader.int32(), detail: reader.int32() }),
};

export const deviceRemovedEvent: EventKind<DeviceEvent> = { id: 15, procedure: 333, decode: readDeviceEvent };
export const deviceAddedEvent: EventKind<DeviceEvent> = { id: 19, procedure: 354, decode: readDeviceEvent };

function readDeviceEvent(reader: XdrReader): DeviceEvent {
  return { domain: readDomain(reader), device: reader.string() };
}

/** Takes an event kind's number, for every domain; returns the callback id that ends it. */
export const eventRegister: Procedure<number, number> = {
  name: 'connect_domain_event_callback_register_any',
  number: 316,
  encode(writer, eventId) {
    writer.int32(eventId);
    writer.optional(undefined, noResult);
  },
  decode: (reader) => reader.int32(),
};

export const eventDeregister: Procedure<number, void> = {
  name: 'connect_domain_event_callback_deregister_any',
  number: 317,
  encode: (writer, callbackId) => writer.int32(callbackId),
  decode: noResult,
};
