import type { MessageBus, QueueTopology } from '@nephoscope/core/message-bus';
import { lastReadingQueue, meteringTopology } from '@nephoscope/message';

import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import { permissionCommands } from './permissions-script.js';
import { createBus, hurriedClock, onBroker, until } from './support.js';
import type { LogEntry } from './support.js';

/** With one user for all programs; and where collectors consume the services' own queue. */
const documented = [[], ['/', 'notifications.info']].map((args) =>
  permissionCommands(['nephoscope', 'nova'], ...args),
);

/** Runs the commands on the test's broker. */
async function permit(commands: readonly (readonly string[])[]): Promise<void> {
  for (const command of commands) await broker.ctl(...command);
}

const services = ['nova', 'cinder', 'openstack', 'glance', 'neutron', 'swift'];
/** Queues of nova, oslo.messaging and others; the last name looks like a host's. */
const foreign = [
  'compute',
  'compute.node-1',
  'compute.node-1.example.org',
  'compute.node-1.0123456789ab',
  'conductor',
  'metering-agent',
  'centralised',
];

let broker: PrivateRabbitmq;
let limited: string;
const buses: MessageBus[] = [];

beforeAll(async () => {
  broker = await startRabbitmq();
  await broker.ctl('add_user', 'nephoscope', 'secret');
  limited = broker.url.replace('guest:guest', 'nephoscope:secret');
  await onBroker(broker.url, async (channel) => {
    for (const name of services) await channel.assertExchange(name, 'topic', { durable: false });
    for (const name of [...foreign, 'notifications.info']) {
      await channel.assertQueue(name, { durable: false });
      channel.sendToQueue(name, Buffer.from('theirs'));
    }
  });
}, 120_000);
afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.stop();
});
afterAll(() => broker.stop(), 60_000);

async function start(): Promise<{ bus: MessageBus; log: LogEntry[] }> {
  const log: LogEntry[] = [];
  const bus = createBus({ url: limited }, log, hurriedClock);
  buses.push(bus);
  await bus.start(AbortSignal.timeout(20_000));
  return { bus, log };
}

async function receive(bus: MessageBus, queue: string): Promise<string[]> {
  const inbox: string[] = [];
  await bus.consume(queue, { prefetch: 10 }, (delivery) => {
    inbox.push(Buffer.from(delivery.body).toString());
    void delivery.deadLetter('unreadable: for the test', { body: delivery.body });
  });
  return inbox;
}

/** Does it as Nephoscope's user. */
const attempt = (act: Parameters<typeof onBroker>[1]) =>
  onBroker(limited, (channel) => {
    // The failing call reports it as well.
    channel.on('error', () => undefined);
    return act(channel);
  });

it('sets permissions of the single nephoscope user only, and requires it', () => {
  for (const commands of documented) expect(commands.map(([, , , user]) => user)).toEqual(['nephoscope']);
  expect(() => permissionCommands(['nova', 'nephoscope2'])).toThrow('rabbitmqctl add_user nephoscope PASSWORD');
});

it.each(documented)(
  "permits Nephoscope's programs all they do (%#)",
  async (...commands) => {
    await permit(commands);
    const { bus, log } = await start();
    await bus.declare(meteringTopology);
    const samples = await receive(bus, meteringTopology.queue);
    await bus.publish({
      exchange: 'ceilometer',
      routingKey: 'metering.cpu',
      contentType: 'text/plain',
      body: Buffer.from('sample'),
    });
    await until('the sample', () => samples.includes('sample'));

    const queue = 'nephoscope.notifications';
    for (const exchange of services) {
      const topology: QueueTopology = {
        ...{ exchange, exchangeOwner: 'service', queue, bindings: ['notifications.info'] },
        deadLetterQueue: `${queue}.dead`,
      };
      await bus.declare(topology);
    }
    const announced = await receive(bus, queue);
    await onBroker(broker.url, async (channel) => {
      for (const exchange of services) channel.publish(exchange, 'notifications.info', Buffer.from(exchange));
      await channel.checkQueue(queue);
    });
    await until('what the services announce', () => announced.length >= services.length);
    const count = async (name: string) =>
      (await onBroker(broker.url, (channel) => channel.checkQueue(name))).messageCount;
    await until(
      'the dead letters',
      async () => (await count(`${queue}.dead`)) >= services.length && (await count('metering.dead')) > 0,
    );

    const heard: string[] = [];
    for (const route of ['signed', 'unsigned'] as const) {
      const queue = lastReadingQueue('node-1.example.org', route);
      await bus.listen(queue, (body) => void heard.push(Buffer.from(body).toString()));
      await bus.publish({
        exchange: 'ceilometer',
        routingKey: queue.bindings[0] as string,
        contentType: 'text/plain',
        body: Buffer.from(route),
      });
      await until('the request', () => heard.includes(route));
    }

    await (await bus.lead('metering.dead', AbortSignal.timeout(10_000))).release();
    const leadership = await bus.lead('central', AbortSignal.timeout(10_000));
    await leadership.saveNote(Buffer.from('a cycle'));
    await leadership.release();
    expect(log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  },
  60_000,
);

it('permits the services’ own queue with the second set of permissions', async () => {
  const queue = 'notifications.info';
  const topology: QueueTopology = {
    ...{ exchange: '', exchangeOwner: 'service', queue, queueOwner: 'service', bindings: [] },
    deadLetterQueue: `${queue}.dead`,
  };
  await permit(documented[1]!);
  const { bus } = await start();
  await bus.declare(topology);
  const inbox = await receive(bus, queue);
  await until('a notification', () => inbox.includes('theirs'));
}, 60_000);

it.each(documented)(
  "denies Nephoscope's user all queues of other services (%#)",
  async (...commands) => {
    await permit(commands);
    for (const name of foreign) {
      const refused = async (act: Parameters<typeof onBroker>[1]) =>
        await expect(attempt(act)).rejects.toThrow(/ACCESS.REFUSED|403/i);
      await refused((channel) => channel.purgeQueue(name));
      await refused((channel) => channel.deleteQueue(name));
      await refused((channel) => channel.consume(name, () => undefined));
      await refused((channel) => channel.get(name));
      await refused((channel) => channel.assertQueue(`${name}_of-ours`));
      await refused((channel) => channel.bindQueue(name, 'ceilometer', '#'));
      expect((await onBroker(broker.url, (channel) => channel.checkQueue(name))).messageCount).toBe(1);
    }
    for (const exchange of services)
      await expect(attempt((channel) => channel.deleteExchange(exchange))).rejects.toThrow(/ACCESS.REFUSED|403/i);
  },
  60_000,
);
