import amqp from '@nephoscope/bus-amqp';
import type { MessageBus } from '@nephoscope/core/message-bus';
import {
  encodeMeteringBatch,
  meteringContentType,
  meteringRoutingKey,
  meteringTopology,
} from '@nephoscope/message';
import { systemClock } from '@nephoscope/runtime';
import { RecordingLogger } from '@nephoscope/testing';

import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import { endDaemons, samplesIn } from '../../agent-compute/test/daemon.js';
import { line } from './support.js';

/** A bus that is connected to this broker, with the queue of metering messages declared. @param more further options of the bus */
export async function connectedBus(url: string, more: object = {}): Promise<MessageBus> {
  const bus = amqp.create({
    options: amqp.options.parse({ url, ...more }),
    logger: new RecordingLogger(),
    clock: systemClock,
    host: 'test',
  });
  await bus.start(AbortSignal.timeout(20_000));
  await bus.declare(meteringTopology);
  return bus;
}

let published = 0;

/** Publishes a message of several samples; resolves with their ids when the broker has confirmed it. */
export async function publishSamples(bus: MessageBus, samples: number): Promise<string[]> {
  const ids = Array.from({ length: samples }, () => `sample-${++published}`);
  await bus.publish({
    exchange: meteringTopology.exchange,
    routingKey: meteringRoutingKey('cpu'),
    contentType: meteringContentType,
    body: encodeMeteringBatch(ids.map((id) => line({ id }))),
  });
  return ids;
}

export async function recordedIds(database: string): Promise<string[]> {
  return (await samplesIn(database)).map(({ messageId }) => messageId).sort();
}

/** A broker for the tests of a file, and a bus connected to it; the broker outlives the daemons that a test starts. */
export class TestBroker {
  #rabbitmq: PrivateRabbitmq | undefined;
  #bus: MessageBus | undefined;

  constructor() {
    beforeAll(async () => {
      this.#rabbitmq = await startRabbitmq();
      this.#bus = await connectedBus(this.#rabbitmq.url);
    }, 120_000);
    afterAll(async () => {
      await endDaemons();
      await this.#bus?.stop();
      await this.#rabbitmq?.stop();
    }, 60_000);
  }

  get rabbitmq(): PrivateRabbitmq {
    return there(this.#rabbitmq);
  }

  get url(): string {
    return this.rabbitmq.url;
  }

  /** Publishes a message of this many samples; see {@link publishSamples}. */
  publish(samples: number): Promise<string[]> {
    return publishSamples(there(this.#bus), samples);
  }
}

function there<T>(made: T | undefined): T {
  if (made === undefined) throw new Error('the broker is there from the first test on');
  return made;
}
