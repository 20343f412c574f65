import { NephoscopeError } from '@nephoscope/core';
import type { Counter, Health } from '@nephoscope/core';
import { Secret, duration } from '@nephoscope/core/options';
import type { Sample, SampleStore } from '@nephoscope/core/sample-store';
import { createSigner, meteringContentType, meteringTopology, signMeteringMessage } from '@nephoscope/message';
import type { SignatureForm } from '@nephoscope/message';
import { FakeBus, FakeClock, FakeDelivery as AnyDelivery, RecordingLogger } from '@nephoscope/testing';
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
    if (Date.now() > end) throw new Error(`timed out waiting: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The value of a metric, summed over all its labels or those given. */
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

/** A signed metering message with a new id, or the one given. */
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

/** Metering messages that were delivered to the collector, and their outcome. */
export class FakeDelivery extends AnyDelivery {
  constructor(...lines: readonly (string | Uint8Array)[]) {
    super({
      queue: meteringTopology.queue,
      routingKey: 'metering.cpu',
      contentType: meteringContentType,
      body: Buffer.concat(lines.flatMap((text) => [Buffer.from(text), Buffer.from('\n')])),
    });
  }
}

/** A store in memory that a test can make fail or wait. */
export class FakeStore implements SampleStore {
  readonly batches: (readonly Sample[])[] = [];
  readonly #known = new Map<string, Sample>();
  before: (samples: readonly Sample[]) => Promise<void> = () => Promise.resolve();
  tries = 0;

  start = () => Promise.resolve();
  stop = () => Promise.resolve();
  health = (): Health => ({ ok: true });
  recordedTimes: SampleStore['recordedTimes'] = () => {
    throw new Error('no retention is set here');
  };

  /** The time of each removal. */
  readonly removals: bigint[] = [];
  removeBefore: (time: bigint) => Promise<number> = (time) => Promise.resolve(this.removals.push(time));

  removed: bigint | undefined;
  removedBefore = () => Promise.resolve(this.removed);

  /** All recorded samples, in the order of recording. */
  get recorded(): readonly Sample[] {
    return [...this.#known.values()];
  }

  recordedAs = (samples: readonly Sample[]) =>
    Promise.resolve(samples.flatMap(({ messageId }) => this.#known.get(messageId) ?? []));

  async record(samples: readonly Sample[]) {
    this.tries += 1;
    await this.before(samples);
    this.batches.push(samples);
    const before = this.#known.size;
    for (const sample of samples)
      if (!this.#known.has(sample.messageId)) this.#known.set(sample.messageId, sample);
    const recorded = this.#known.size - before;
    return { recorded, duplicates: samples.length - recorded };
  }
}

export const failing = () => Promise.reject(new NephoscopeError('STORE_UNAVAILABLE', 'the disk is full'));

/** A running collector with the test's own limits, and everything a test can observe. */
export async function started({
  prefetch,
  batch = {},
  ...options
}: Record<string, unknown> & {
  readonly prefetch?: number;
  readonly batch?: { readonly samples?: number; readonly wait?: string };
} = {}) {
  const [bus, store, clock, logger, registry] = [
    new FakeBus(),
    new FakeStore(),
    new FakeClock(),
    new RecordingLogger(),
    new Registry(),
  ];
  const collector = new Collector({
    options: collectorOptions.parse(options),
    bounds: {
      ...(prefetch !== undefined && { prefetch }),
      ...(batch.samples !== undefined && { batchSamples: batch.samples }),
      ...(batch.wait !== undefined && { batchWait: duration().parse(batch.wait) }),
    },
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
