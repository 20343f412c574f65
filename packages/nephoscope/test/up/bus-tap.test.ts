import type { Logger } from '@nephoscope/core';
import { createMemoryBus } from '@nephoscope/runtime/memory-bus';

import { tapBus } from '../../src/up/bus-tap.js';

const none = () => undefined;
const logger: Logger = { debug: none, info: none, warn: none, error: none };
const topology = { exchange: 'e', queue: 'q', bindings: ['#'], deadLetterQueue: 'dead' };
const message = { exchange: 'e', routingKey: 'metering.cpu', contentType: 'text/plain', body: Buffer.from('one') };

describe('tapBus', () => {
  it('reports what was settled, then what was sent, and nothing that failed', async () => {
    const heard: string[] = [];
    const bus = tapBus(createMemoryBus({ logger }), {
      sent: ({ routingKey }) => heard.push(`sent ${routingKey}`),
      settled: () => heard.push('settled'),
    });
    await bus.start(new AbortController().signal);
    await expect(bus.publish(message)).rejects.toMatchObject({ code: 'BUS_UNROUTABLE' });
    expect(heard).toEqual([]);

    await bus.declare(topology);
    let tries = 0;
    await bus.consume('q', { prefetch: 1 }, (delivery) => {
      expect(Buffer.from(delivery.body).toString()).toBe('one');
      tries += 1;
      if (tries === 1) delivery.requeue();
      else delivery.ack();
    });
    await bus.publish(message);
    expect(tries).toBe(2);
    expect(heard).toEqual(['settled', 'sent metering.cpu']);
    await bus.stop();
  });
});
