import { randomUUID } from 'node:crypto';

import type { Clock } from '@nephoscope/core';

/** Content type of a body with one metering message per line. */
export const meteringContentType = 'application/x-ndjson';

/** How the metering messages of one meter are packed into a body and addressed. */
export interface MeteringWire {
  readonly contentType: string;
  /** Never longer than AMQP allows. */
  routingKey(meter: string): string;
  /** The beginning of a body, before its messages; called once per body. */
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
 * The format that Ceilometer's polling agents send to its notification agents: an oslo notification
 * `telemetry.polling` with priority SAMPLE in oslo's envelope, with one routing key for all meters.
 *
 * @param sender.publisherId the sender for display; the samples have their own
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
        // oslo detects repeated messages by this.
        _unique_id: randomUUID().replaceAll('-', ''),
      });
      return `{"oslo.version":"2.0","oslo.message":"${escaped(`${notification.slice(0, -1)},"payload":{"samples":[`)}`;
    },
    encode: escaped,
    separator: ',',
    tail: ']}}"}',
  };
}

/** A text escaped for use in a JSON string. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** `2026-11-22 22:10:00.615925`: UTC, microseconds. */
function osloTime(nanoseconds: bigint): string {
  const micros = String((nanoseconds / 1_000n) % 1_000_000n).padStart(6, '0');
  return `${new Date(Number(nanoseconds / 1_000_000n)).toISOString().slice(0, 19).replace('T', ' ')}.${micros}`;
}

/** The longest routing key in AMQP, in bytes of UTF-8. */
const longestRoutingKey = 255;

/**
 * The routing key for the samples of a counter: `metering.<counter name>`, with the name cut to AMQP's limit in whole
 * characters. The message contains the full name.
 */
export function meteringRoutingKey(counterName: string): string {
  const key = `metering.${counterName}`;
  // A UTF-16 unit takes at most three bytes.
  if (key.length * 3 <= longestRoutingKey) return key;
  const { read } = new TextEncoder().encodeInto(key, new Uint8Array(longestRoutingKey));
  return key.slice(0, read);
}
