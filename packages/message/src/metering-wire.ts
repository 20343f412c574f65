import { randomUUID } from 'node:crypto';

import type { Clock } from '@nephoscope/core';

/** Of a body with one metering message a line. */
export const meteringContentType = 'application/x-ndjson';

/** How the metering messages of one meter become a body, and how it travels. */
export interface MeteringWire {
  readonly contentType: string;
  /** AMQP has room for it. */
  routingKey(meter: string): string;
  /** What stands in a body before its messages; called once a body. */
  head(): string;
  /** @param message its JSON text, without a line end */
  encode(message: string): string;
  readonly separator: string;
  readonly tail: string;
}

export const nephoscopeWire: MeteringWire = {
  contentType: meteringContentType,
  routingKey: meteringRoutingKey,
  head: () => '',
  encode: (message) => message,
  separator: '\n',
  tail: '\n',
};

/**
 * As Ceilometer's polling agents send to its notification agents: an oslo notification `telemetry.polling` of the
 * priority SAMPLE within oslo's envelope, under one routing key for all meters.
 *
 * @param sender.publisherId who says it, for people: the samples have their own
 */
export function ceilometerWire(sender: { readonly publisherId: string; readonly clock: Clock }): MeteringWire {
  const { publisherId, clock } = sender;
  return {
    contentType: 'application/json',
    routingKey: () => 'notifications.sample',
    head() {
      const notification = JSON.stringify({
        message_id: randomUUID(),
        publisher_id: publisherId,
        event_type: 'telemetry.polling',
        priority: 'SAMPLE',
        timestamp: osloTime(clock.now()),
        // By it oslo recognises a message that is sent again.
        _unique_id: randomUUID().replaceAll('-', ''),
      });
      return `{"oslo.version":"2.0","oslo.message":"${escaped(`${notification.slice(0, -1)},"payload":{"samples":[`)}`;
    },
    encode: escaped,
    separator: ',',
    tail: ']}}"}',
  };
}

/** As it stands within a JSON string. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** `2026-11-22 22:10:00.615925`: UTC, microseconds. */
function osloTime(nanoseconds: bigint): string {
  const micros = String((nanoseconds / 1_000n) % 1_000_000n).padStart(6, '0');
  return `${new Date(Number(nanoseconds / 1_000_000n)).toISOString().slice(0, 19).replace('T', ' ')}.${micros}`;
}

/** What AMQP has for a routing key, in bytes of UTF-8. */
const longestRoutingKey = 255;

/**
 * The routing key under which the samples of a counter travel: `metering.<counter name>`, of a name that is longer than
 * AMQP has room for its beginning, in whole characters. The name itself stands in the message, as long as it is.
 */
export function meteringRoutingKey(counterName: string): string {
  const key = `metering.${counterName}`;
  // A UTF-16 unit takes three bytes at most.
  if (key.length * 3 <= longestRoutingKey) return key;
  const { read } = new TextEncoder().encodeInto(key, new Uint8Array(longestRoutingKey));
  return key.slice(0, read);
}
