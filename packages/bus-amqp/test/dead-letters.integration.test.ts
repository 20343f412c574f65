import type { DeadLetter, MessageBus, QueueTopology } from '@nephoscope/core/message-bus';

import { createBus, newTopology, onBroker, remove, sharedBroker, tcpProxy, until } from './support.js';

const url = sharedBroker();
const deadline = () => AbortSignal.timeout(20_000);
const textOf = ({ body }: { readonly body: Uint8Array }) => Buffer.from(body).toString();
const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));

describe('a sweep of dead letters on the AMQP bus', () => {
  let topology: QueueTopology;
  let bus: MessageBus;

  beforeEach(async () => {
    topology = newTopology();
    bus = createBus({ url });
    await bus.start(deadline());
  });
  afterEach(async () => {
    await bus.stop();
    await remove(url, topology);
  });

  /** Adds dead letters, as another program did. */
  const fill = (bodies: readonly string[]) =>
    Promise.all(
      bodies.map((body) =>
        bus.publish({
          exchange: '',
          routingKey: topology.deadLetterQueue,
          contentType: 'text/plain',
          body: Buffer.from(body),
        }),
      ),
    );

  async function look(on: MessageBus = bus): Promise<readonly DeadLetter[]> {
    const deadLetters: DeadLetter[] = [];
    await on.sweepDeadLetters(topology.queue, (deadLetter) => (deadLetters.push(deadLetter), 'keep'), deadline());
    return deadLetters;
  }

  it('returns a message whose headers cannot be sent again', async () => {
    await bus.declare(topology);
    const headers = Object.fromEntries<unknown>([
      ['__proto__', Buffer.from('bytes')],
      ['odd', { '!': 'double', value: 2 ** 50 + 0.5 }],
      ['huge', '€'.repeat(15_000)],
    ]);
    await onBroker(url, async (channel) => channel.sendToQueue(topology.queue, Buffer.from('odd'), { headers }));
    let redelivered = 0;
    const subscription = await bus.consume(topology.queue, { prefetch: 1 }, (delivery) => {
      if (delivery.redelivered) redelivered++;
      void delivery.deadLetter('odd').then(delivery.ack, delivery.requeue);
    });
    let deadLetters: readonly DeadLetter[] = [];
    await until('the dead letter', async () => (deadLetters = await look()).length === 1);
    await subscription.cancel();
    expect(deadLetters[0]).toMatchObject({ body: Buffer.from('odd'), reason: 'odd' });
    expect(redelivered).toBe(0);
  });

  it('reports what the broker recorded when it dead-lettered a message itself', async () => {
    await bus.declare(topology);
    const expiring = `${topology.queue}.expiring`;
    await onBroker(url, async (channel) => {
      await channel.assertQueue(expiring, {
        expires: 10_000,
        messageTtl: 1,
        deadLetterExchange: '',
        deadLetterRoutingKey: topology.deadLetterQueue,
      });
      channel.sendToQueue(expiring, Buffer.from('late'), { headers: { 'x-reason': { not: 'a text' } } });
    });
    let deadLetters: readonly DeadLetter[] = [];
    await until('the dead letter', async () => (deadLetters = await look()).length === 1);
    expect(deadLetters).toEqual([
      {
        body: Buffer.from('late'),
        contentType: undefined,
        compression: undefined,
        reason: expect.stringMatching(/^expired: RabbitMQ took it off queue /),
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.000Z$/),
        routingKey: expiring,
      },
    ]);
  });

  it('visits those of a queue that the program did not declare, and declares none', async () => {
    await expect(look()).rejects.toMatchObject({
      code: 'BUS_TOPOLOGY',
      message: expect.stringContaining(topology.deadLetterQueue),
    });
    await onBroker(url, (channel) => channel.assertQueue(topology.deadLetterQueue, { durable: true }));
    await fill(['1']);
    expect((await look()).map(textOf)).toEqual(['1']);
    // Its queue does not exist, so the dead letter stays.
    await expect(bus.sweepDeadLetters(topology.queue, () => 'replay', deadline())).rejects.toMatchObject({
      code: 'BUS_UNROUTABLE',
    });
    expect((await look()).map(textOf)).toEqual(['1']);
  });

  it.each([
    ['a quorum queue', {}],
    ['a classic queue of an earlier version', { 'x-queue-type': 'classic' }],
  ])('keeps the order of a thousand messages in %s', async (_, type) => {
    const isClassic = 'x-queue-type' in type;
    if (isClassic)
      await onBroker(url, (channel) => channel.assertQueue(topology.deadLetterQueue, { durable: true }));
    await bus.declare(topology);
    await fill(numbers(1_000));
    const isKept = (body: string) => Number(body) % 3 !== 0;
    const counts = await bus.sweepDeadLetters(
      topology.queue,
      (deadLetter) => (isKept(textOf(deadLetter)) ? 'keep' : 'drop'),
      deadline(),
    );
    expect(counts).toEqual({ keep: 666, replay: 0, drop: 334 });
    expect((await look()).map(textOf)).toEqual(numbers(1_000).filter(isKept));
  });

  it('divides them with a concurrent sweep, and both end', async () => {
    await bus.declare(topology);
    await fill(numbers(300));
    const other = createBus({ url });
    await other.start(deadline());
    try {
      const drop = (on: MessageBus) => on.sweepDeadLetters(topology.queue, () => 'drop', deadline());
      const counts = await Promise.all([drop(bus), drop(other)]);
      expect(counts[0].drop + counts[1].drop).toBe(300);
    } finally {
      await other.stop();
    }
  });

  it('loses none if the connection is cut', async () => {
    await bus.declare(topology);
    await fill(numbers(200));
    const proxy = await tcpProxy(Number(new URL(url).port));
    const cut = createBus({ url: `amqp://guest:guest@127.0.0.1:${proxy.port}` });
    try {
      await cut.start(deadline());
      let seen = 0;
      const sweep = cut.sweepDeadLetters(
        topology.queue,
        () => {
          if (++seen === 100) proxy.cut();
          return 'keep' as const;
        },
        deadline(),
      );
      await expect(sweep).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
      let deadLetters: readonly DeadLetter[] = [];
      await until('all to be back', async () => (deadLetters = await look()).length === 200);
      expect(deadLetters.map(textOf).sort()).toEqual(numbers(200).sort());
    } finally {
      await cut.stop();
      await proxy.close();
    }
  });

  it('ends if the queue is deleted meanwhile', async () => {
    await bus.declare(topology);
    await fill(numbers(100));
    const sweep = bus.sweepDeadLetters(
      topology.queue,
      async () => {
        await onBroker(url, (channel) => channel.deleteQueue(topology.deadLetterQueue));
        return 'keep' as const;
      },
      deadline(),
    );
    await expect(sweep).rejects.toMatchObject({ code: expect.stringMatching(/^BUS_(UNAVAILABLE|TOPOLOGY)$/) });
  });
});
