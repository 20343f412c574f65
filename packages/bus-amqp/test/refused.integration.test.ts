import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import { createBus, newTopology, sample, until } from './support.js';

let broker: PrivateRabbitmq;
beforeAll(async () => {
  broker = await startRabbitmq();
}, 120_000);
afterAll(() => broker.stop());

it('a queue that refuses samples (reject-publish) is reported, and refused messages are sent when it has room', async () => {
  const topology = newTopology();
  const bus = createBus({ url: broker.url });
  await bus.start(AbortSignal.timeout(20_000));
  try {
    await bus.declare(topology);
    const bound = '{"max-length":5,"overflow":"reject-publish"}';
    await broker.ctl('set_policy', 'bound', `^${topology.queue}$`, bound, '--apply-to', 'queues');
    let taken = 0;
    // A queue accepts a few more messages than its policy says, and a policy takes effect after a moment.
    const refused = async () => {
      for (;;)
        try {
          await bus.publish(sample(topology, `${taken}`));
          taken += 1;
          if (taken === 10_000) throw new Error('the queue refuses nothing');
        } catch (error) {
          return error;
        }
    };
    expect(await refused()).toMatchObject({ code: expect.stringMatching(/^BUS_/) });
    expect(bus.health()).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^RabbitMQ refuses messages .* since \S+Z/),
    });
    await broker.ctl('clear_policy', 'bound');
    await until('it is taken', () =>
      bus.publish(sample(topology, 'again')).then(
        () => true,
        () => false,
      ),
    );
    expect(bus.health()).toEqual({ ok: true });
    // The broker's figures are some seconds old.
    const waiting = () => broker.ctl('list_queues', '--no-table-headers', 'name', 'messages_ready');
    await until('all that was taken', async () => (await waiting()).includes(`${topology.queue}\t${taken + 1}\n`));
  } finally {
    await bus.stop();
  }
}, 120_000);
