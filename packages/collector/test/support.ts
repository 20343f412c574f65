import { createSigner, meteringContentType, NephoscopeError, Secret, signMeteringMessage } from '@nephoscope/core';
import type {
  Counter,
  Delivery,
  Health,
  MessageBus,
  QueueTopology,
  Sample,
  SampleStore,
  SignatureForm,
  Subscription,
} from '@nephoscope/core';
import { FakeClock, RecordingLogger } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { Collector } from '../src/collector.js';
import { collectorOptions } from '../src/options.js';

export const secret = new Secret('a secret of the tests');

export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms = 20_000,
): Promise<void> {
  const end = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The value of a metric, of all its labels or of those given. */
export async function metric(
  registry: Registry,
  name: string,
  labels: Record<string, string> = {},
): Promise<number> {
  const { values } = await registry.getSingleMetric(name)!.get();
  return values
    .filter((one) =>
      Object.entries(labels).every(([key, value]) => (one.labels as Record<string, unknown>)[key] === value),
    )
    .reduce((sum, { value }) => sum + value, 0);
}

let made = 0;

/** A signed metering message with an id of its own, or the one given. */
export function line({
  id = `message-${++made}`,
  key = secret,
  form = 'canonical' as SignatureForm,
  volume = 1n,
} = {}): string {
  const counter: Counter = {
    name: 'cpu',
    type: 'gauge',
    unit: 'ns',
    volume,
    userId: 'u',
    projectId: 'p',
    resourceId: 'vm-1',
    timestamp: 1_795_381_200_000_000_000n,
    resourceMetadata: {},
  };
  return signMeteringMessage(
    counter,
    { source: 'openstack', messageId: id, publisherId: 'agent-1', sequence: 1n },
    createSigner({ secret: key, form }),
  );
}

export const ids = (samples: readonly Sample[]) => samples.map(({ messageId }) => messageId);

type Outcome = 'ack' | 'requeue';

/** A message in the hands of the collector, and what became of it. */
export class FakeDelivery implements Delivery {
  readonly contentType = meteringContentType;
  readonly routingKey = 'metering.cpu';
  readonly redelivered = false;
  readonly body: Uint8Array;
  outcome: Outcome | undefined;
  readonly dead: { readonly reason: string; readonly body: Uint8Array }[] = [];
  deadLetterFails = false;

  constructor(...lines: readonly (string | Uint8Array)[]) {
    this.body = Buffer.concat(lines.flatMap((text) => [Buffer.from(text), Buffer.from('\n')]));
  }

  ack(): void {
    this.#settle('ack');
  }

  requeue(): void {
    this.#settle('requeue');
  }

  async deadLetter(reason: string, body: Uint8Array = this.body): Promise<void> {
    await Promise.resolve();
    if (this.deadLetterFails) throw new NephoscopeError('BUS_UNAVAILABLE', 'the broker is away');
    this.dead.push({ reason, body });
  }

  #settle(outcome: Outcome): void {
    if (this.outcome !== undefined) throw new Error(`settled twice: ${this.outcome}, ${outcome}`);
    this.outcome = outcome;
  }
}

/** A queue that delivers what the test says, never more than the prefetch at once. */
export class FakeBus implements MessageBus {
  readonly declared: QueueTopology[] = [];
  readonly waiting: FakeDelivery[] = [];
  #prefetch = 0;
  #held: FakeDelivery[] = [];
  #handler: ((delivery: Delivery) => void) | undefined;

  start = () => Promise.resolve();
  stop = () => Promise.resolve();
  publish = () => Promise.reject(new Error('nobody publishes here'));
  health = (): Health => ({ ok: true });

  declare(topology: QueueTopology): Promise<void> {
    this.declared.push(topology);
    return Promise.resolve();
  }

  consume(
    _: string,
    { prefetch }: { readonly prefetch: number },
    handler: (delivery: Delivery) => void,
  ): Promise<Subscription> {
    this.#prefetch = prefetch;
    this.#handler = handler;
    return Promise.resolve({ cancel: () => Promise.resolve(void (this.#handler = undefined)) });
  }

  send(...deliveries: readonly FakeDelivery[]): void {
    this.waiting.push(...deliveries);
    this.pump();
  }

  /** Delivers what the prefetch lets through; returns how many are unsettled. */
  pump(): number {
    this.#held = this.#held.filter(({ outcome }) => outcome === undefined);
    while (this.#handler !== undefined && this.#held.length < this.#prefetch && this.waiting.length > 0) {
      const delivery = this.waiting.shift()!;
      this.#held.push(delivery);
      this.#handler(delivery);
    }
    return this.#held.length;
  }
}

/** A store in memory that can be told to fail or to wait. */
export class FakeStore implements SampleStore {
  readonly batches: (readonly Sample[])[] = [];
  readonly #known = new Set<string>();
  before: () => Promise<void> = () => Promise.resolve();
  tries = 0;

  start = () => Promise.resolve();
  stop = () => Promise.resolve();
  health = (): Health => ({ ok: true });
  meters = () => Promise.resolve([]);
  resources = () => Promise.resolve([]);
  // eslint-disable-next-line require-yield
  samples = async function* (): AsyncGenerator<Sample> {
    throw new Error('nobody reads here');
  };

  async record(samples: readonly Sample[]) {
    this.tries += 1;
    await this.before();
    this.batches.push(samples);
    const before = this.#known.size;
    for (const { messageId } of samples) this.#known.add(messageId);
    const recorded = this.#known.size - before;
    return { recorded, duplicates: samples.length - recorded };
  }
}

export const failing = () => Promise.reject(new NephoscopeError('STORE_UNAVAILABLE', 'the disk is full'));

/** A running collector, and what a test can look at. */
export async function started(options: Record<string, unknown> = {}) {
  const [bus, store, clock, logger, registry] = [
    new FakeBus(),
    new FakeStore(),
    new FakeClock(),
    new RecordingLogger(),
    new Registry(),
  ];
  const collector = new Collector({
    options: collectorOptions.parse(options),
    secrets: [secret],
    bus,
    store,
    logger,
    clock,
    registry,
  });
  await collector.start();
  const told = (level: string) =>
    logger.entries.filter((entry) => entry.level === level).map(({ message }) => message);
  return { collector, bus, store, clock, registry, told };
}
