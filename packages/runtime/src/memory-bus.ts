import { NephoscopeError, PermanentError } from '@nephoscope/core';
import type { Health, Logger } from '@nephoscope/core';
import { defineMessageBus, isBoundBy } from '@nephoscope/core/message-bus';
import type {
  DeadLetter,
  Delivery,
  MessageBus,
  OutgoingMessage,
  QueueTopology,
  Subscription,
  TransientQueue,
} from '@nephoscope/core/message-bus';
import { ignoredOption } from '@nephoscope/core/options';
import { z } from 'zod';

import { MemoryDeadLetters } from './memory-dead-letters.js';
import type { MemoryDeadLetter } from './memory-dead-letters.js';
import { MemoryLock } from './memory-lock.js';

const memoryBusOptions = z.strictObject({
  capacity: ignoredOption('remove the key; a queue holds 10,000 messages'),
  confirmTimeout: ignoredOption('remove the key; after 30s a message that no consumer settled is not delivered'),
});

/** Limits of a queue, and how long a message waits. */
export interface MemoryBusBounds {
  /** Unsettled messages of a queue; more are refused. A few minutes of a large host. */
  readonly capacity: number;
  /** ms until an unsettled message is reported as not delivered, like the confirm timeout of the RabbitMQ plugin. */
  readonly confirmTimeout: number;
}

const usualBounds: MemoryBusBounds = { capacity: 10_000, confirmTimeout: 30_000 };

export interface MemoryBus extends MessageBus {
  /** The latest dead letters, oldest first; each was logged too. */
  readonly deadLetters: readonly MemoryDeadLetter[];
}

interface Message extends OutgoingMessage {
  /** Its publisher still waits. */
  awaited: boolean;
  /** One of its queues has settled it; with an error, it cannot be settled any more. */
  settled(error?: NephoscopeError): void;
}

interface Entry {
  readonly message: Message;
  redelivered: boolean;
}

interface Consumer {
  readonly prefetch: number;
  readonly handler: (delivery: Delivery) => void;
  unsettled: number;
}

interface Binding {
  readonly exchange: string;
  readonly pattern: string;
}

interface Listener {
  readonly bindings: readonly Binding[];
  readonly handler: (body: Uint8Array) => void;
}

interface Queue {
  readonly name: string;
  readonly bindings: Binding[];
  readonly entries: Entry[];
  /** Of the bodies in `entries`. */
  bytes: number;
  maxBytes: number;
  /** Delivered, not settled. */
  unsettled: number;
  consumers: Consumer[];
  scheduled: boolean;
}

/**
 * Carries messages within one process. Its contents are lost with the process, so a message counts as confirmed only
 * when every queue's consumer has acknowledged it: a publisher can then rely on its being recorded. Messages that a
 * bounded queue drops for newer ones count as confirmed, as with any broker. Every exchange always exists, whoever
 * declares it; a queue of a service receives messages once it is declared.
 */
export function createMemoryBus({
  logger,
  bounds,
}: {
  readonly logger: Logger;
  readonly bounds?: Partial<MemoryBusBounds>;
}): MemoryBus {
  const { capacity, confirmTimeout } = { ...usualBounds, ...bounds };
  const queues = new Map<string, Queue>();
  const listeners = new Set<Listener>();
  const locks = new Map<string, MemoryLock>();
  const outstanding = new Set<Message>();
  const deadLetters = new MemoryDeadLetters();
  const stopping = new AbortController();
  let state: 'new' | 'running' | 'stopped' = 'new';

  function schedule(queue: Queue): void {
    if (queue.scheduled || state !== 'running') return;
    queue.scheduled = true;
    // Not a microtask, because a consumer that requeues everything must not starve the process.
    setImmediate(() => {
      queue.scheduled = false;
      deliverAll(queue);
    });
  }

  function deliverAll(queue: Queue): void {
    // Only the current messages; those requeued meanwhile wait for the next iteration.
    for (let left = queue.entries.length; left > 0 && state === 'running'; left--) {
      const consumer = queue.consumers.find(({ prefetch, unsettled }) => unsettled < prefetch);
      if (consumer === undefined) return;
      const entry = takeOldest(queue);
      if (entry === undefined) return;
      // Round robin.
      queue.consumers.push(...queue.consumers.splice(queue.consumers.indexOf(consumer), 1));
      if (entry.message.awaited) deliver(queue, consumer, entry);
    }
  }

  function deliver(queue: Queue, consumer: Consumer, entry: Entry): void {
    const { message, redelivered } = entry;
    consumer.unsettled++;
    queue.unsettled++;
    let settled = false;
    const settle = (act: () => void) => {
      if (settled || state !== 'running') return;
      settled = true;
      consumer.unsettled--;
      queue.unsettled--;
      act();
      schedule(queue);
    };
    const delivery: Delivery = {
      body: message.body,
      contentType: message.contentType,
      routingKey: message.routingKey,
      redelivered,
      get isGone() {
        return state !== 'running';
      },
      ack: () => settle(() => message.settled()),
      requeue: () =>
        settle(() => {
          queue.entries.unshift({ message, redelivered: true });
          queue.bytes += message.body.byteLength;
          dropBeyond(queue);
        }),
      deadLetter: (reason, { body, contentType } = message) => {
        const { routingKey } = message;
        const at = new Date().toISOString();
        keepDeadLetter({
          queue: queue.name,
          routingKey,
          contentType: contentType ?? message.contentType,
          reason,
          body,
          at,
        });
        return Promise.resolve();
      },
    };
    try {
      consumer.handler(delivery);
    } catch (error) {
      logger.error(
        { err: error, queue: queue.name },
        'the handler of a message threw: the message goes back to the queue',
      );
      delivery.requeue();
    }
  }

  /** Passes a message to a listener, which handles its own errors. */
  function notify({ handler }: Listener, { body }: OutgoingMessage): void {
    setImmediate(() => {
      try {
        if (state === 'running') handler(body);
      } catch (error) {
        logger.error({ err: error }, 'the handler of a message threw: the message is lost');
      }
    });
  }

  function keepDeadLetter(deadLetter: MemoryDeadLetter): void {
    deadLetters.keep(deadLetter);
    const { queue, routingKey, reason, body } = deadLetter;
    logger.error(
      { queue, routingKey, reason, bytes: body.byteLength },
      'a message was set aside as a dead letter',
    );
  }

  function publish(outgoing: OutgoingMessage): Promise<void> {
    const { exchange, routingKey } = outgoing;
    if (state !== 'running') return Promise.reject(notRunning());
    const wants = ({ bindings }: { readonly bindings: readonly Binding[] }) =>
      bindings.some((binding) => binding.exchange === exchange && isBoundBy(binding.pattern, routingKey));
    const targets = [...queues.values()].filter(wants);
    const hearers = [...listeners].filter(wants);
    if (targets.length + hearers.length === 0) {
      const text = `exchange '${exchange}' has no queue for the routing key '${routingKey}': declare and bind one`;
      return Promise.reject(new NephoscopeError('BUS_UNROUTABLE', text));
    }
    const full = targets.find((queue) => queue.entries.length + queue.unsettled >= capacity);
    if (full !== undefined) {
      return Promise.reject(
        unavailable(`queue '${full.name}' is full (${capacity} messages): its consumer does not keep up`),
      );
    }
    for (const listener of hearers) notify(listener, outgoing);
    return targets.length === 0 ? Promise.resolve() : enqueue(outgoing, targets);
  }

  /** Resolves when a consumer of each queue has acknowledged the message. */
  function enqueue(outgoing: OutgoingMessage, targets: readonly Queue[]): Promise<void> {
    return new Promise((resolve, reject) => {
      let open = targets.length;
      const message: Message = {
        ...outgoing,
        awaited: true,
        settled: (error) => {
          if (!message.awaited || (error === undefined && --open > 0)) return;
          message.awaited = false;
          clearTimeout(timer);
          outstanding.delete(message);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      const late = unavailable(
        `no consumer settled a message for '${outgoing.routingKey}' within ${confirmTimeout / 1_000} s: send it again`,
      );
      const timer = setTimeout(() => message.settled(late), confirmTimeout);
      outstanding.add(message);
      for (const queue of targets) {
        queue.entries.push({ message, redelivered: false });
        queue.bytes += message.body.byteLength;
        dropBeyond(queue);
        schedule(queue);
      }
    });
  }

  function notRunning(): NephoscopeError {
    return unavailable(`the in-process bus is ${state === 'new' ? 'not started' : 'stopped'}`);
  }

  return {
    deadLetters: deadLetters.deadLetters,
    publish,
    start(signal) {
      if (signal.aborted) return Promise.reject(signal.reason as Error);
      if (state === 'stopped') return Promise.reject(unavailable('the in-process bus is stopped'));
      state = 'running';
      for (const queue of queues.values()) schedule(queue);
      return Promise.resolve();
    },
    stop() {
      state = 'stopped';
      const stopped = unavailable('the in-process bus was stopped');
      stopping.abort(stopped);
      for (const message of [...outstanding]) message.settled(stopped);
      for (const lock of locks.values()) lock.close(stopped);
      queues.clear();
      listeners.clear();
      return Promise.resolve();
    },
    declare({ exchange, queue: name, queueOwner, bindings, maxBytes = Infinity }: QueueTopology) {
      const queue = queues.get(name) ?? {
        name,
        bindings: [],
        entries: [],
        bytes: 0,
        maxBytes,
        unsettled: 0,
        consumers: [],
        scheduled: false,
      };
      if (queueOwner !== 'service') queue.bindings.push(...bindingsOf(exchange, bindings));
      queues.set(name, queue);
      return Promise.resolve();
    },
    consume(name, { prefetch }, handler): Promise<Subscription> {
      const queue = queues.get(name);
      if (queue === undefined)
        return Promise.reject(unavailable(`there is no queue '${name}': declare it before consuming it`));
      const consumer: Consumer = { prefetch, handler, unsettled: 0 };
      queue.consumers.push(consumer);
      schedule(queue);
      return Promise.resolve({
        cancel: () => {
          queue.consumers = queue.consumers.filter((other) => other !== consumer);
          return Promise.resolve();
        },
      });
    },
    sweepDeadLetters(name, decide, signal) {
      if (state !== 'running') return Promise.reject(notRunning());
      const queue = queues.get(name);
      if (queue === undefined)
        return Promise.reject(new PermanentError('BUS_TOPOLOGY', `there is no queue '${name}': declare it`));
      const replay = ({ body, contentType = 'application/octet-stream' }: DeadLetter) =>
        enqueue({ exchange: '', routingKey: name, contentType, body }, [queue]);
      return deadLetters.sweep(name, decide, replay, AbortSignal.any([signal, stopping.signal]));
    },
    listen({ exchange, bindings }: TransientQueue, handler): Promise<Subscription> {
      const listener = { bindings: bindingsOf(exchange, bindings), handler };
      listeners.add(listener);
      return Promise.resolve({ cancel: () => Promise.resolve(void listeners.delete(listener)) });
    },
    lead(name, signal) {
      if (state !== 'running') return Promise.reject(notRunning());
      const lock = locks.get(name) ?? new MemoryLock(name);
      locks.set(name, lock);
      return lock.lead(signal);
    },
    health(): Health {
      return state === 'running' ? { ok: true } : { ok: false, reason: notRunning().message };
    },
  };
}

function takeOldest(queue: Queue): Entry | undefined {
  const entry = queue.entries.shift();
  if (entry !== undefined) queue.bytes -= entry.message.body.byteLength;
  return entry;
}

/** Drops the oldest messages until the queue is within its size limit. */
function dropBeyond(queue: Queue): void {
  while (queue.bytes > queue.maxBytes) takeOldest(queue)?.message.settled();
}

function bindingsOf(exchange: string, patterns: readonly string[]): Binding[] {
  return patterns.map((pattern) => ({ exchange, pattern }));
}

function unavailable(text: string): NephoscopeError {
  return new NephoscopeError('BUS_UNAVAILABLE', text);
}

export default defineMessageBus({
  options: memoryBusOptions,
  create: ({ logger }) => createMemoryBus({ logger }),
});
