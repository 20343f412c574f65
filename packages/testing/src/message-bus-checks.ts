import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { isNephoscopeError } from '@nephoscope/core';
import type { Delivery, MessageBus, OutgoingMessage, QueueTopology } from '@nephoscope/core/message-bus';

export function newTopology(): QueueTopology {
  const id = randomUUID();
  return {
    exchange: `contract-${id}`,
    queue: `contract-${id}`,
    bindings: ['a.#'],
    deadLetterQueue: `contract-${id}.dead`,
  };
}

export function message({ exchange }: QueueTopology, routingKey: string, body: string): OutgoingMessage {
  return { exchange, routingKey, contentType: 'text/plain', body: new TextEncoder().encode(body) };
}

export function text(body: Uint8Array): string {
  return new TextDecoder().decode(body);
}

/** Consumes into an array, and passes each delivery to `then`. */
export async function consume(
  bus: MessageBus,
  queue: string,
  then: (delivery: Delivery) => void,
  prefetch = 10,
): Promise<Delivery[]> {
  const inbox: Delivery[] = [];
  await bus.consume(queue, { prefetch }, (delivery) => {
    inbox.push(delivery);
    then(delivery);
  });
  return inbox;
}

export function rejects(work: Promise<unknown>, code: string): Promise<void> {
  return assert.rejects(work, (error) => {
    assert.ok(isNephoscopeError(error, code), `expected ${code}, got ${String(error)}`);
    return true;
  });
}

export function deadline(): AbortSignal {
  return AbortSignal.timeout(20_000);
}

/** Sockets and timers that keep this process alive. */
export function handles(): string[] {
  return process.getActiveResourcesInfo().filter((kind) => /^(TCP|TLS|Pipe|Timeout|Immediate)/.test(kind));
}

export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 15_000;
  while (!(await condition())) {
    assert.ok(Date.now() < end, `timed out waiting for ${what}`);
    await delay(5);
  }
}
