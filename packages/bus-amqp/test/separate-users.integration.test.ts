import { readFileSync } from 'node:fs';

import type { MessageBus, QueueTopology } from '@nephoscope/core/message-bus';
import { lastReadingQueue, meteringTopology } from '@nephoscope/message';
import type { Channel } from 'amqplib';

import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import { permissionCommands } from './permissions-script.js';
import { createBus, hurriedClock, onBroker, until } from './support.js';

const { exchange, queue, deadLetterQueue } = meteringTopology;
const ours = ['nephoscope-compute', 'nephoscope-central', 'nephoscope-collector'] as const;
const services = ['nova', 'cinder', 'glance', 'neutron', 'swift'] as const;
type User = (typeof ours)[number] | (typeof services)[number];

let broker: PrivateRabbitmq;
const buses: MessageBus[] = [];

const urlOf = (user: User) => broker.url.replace('guest:guest', `${user}:secret`);
const something = Buffer.from('something');
const message = { exchange, routingKey: 'metering.cpu', contentType: 'text/plain', body: something };
/** The permissions of docs/security.md. */
const settings = /```ini\n([^]*?)```/.exec(
  readFileSync(new URL('../../../docs/security.md', import.meta.url), 'utf8'),
)![1]!;

async function startAs(user: User): Promise<MessageBus> {
  const bus = createBus({ url: urlOf(user) }, [], hurriedClock);
  buses.push(bus);
  await bus.start(AbortSignal.timeout(20_000));
  return bus;
}

const attempt = (user: User, act: (channel: Channel) => Promise<unknown>) =>
  onBroker(urlOf(user), (channel) => {
    channel.on('error', () => undefined);
    return act(channel);
  });

/** Publishes, and resolves with whether the broker permits it. */
const publishing =
  (to: string, key: string, body: Buffer = something) =>
  async (channel: Channel) => {
    const failed = new Promise<never>((_, reject) => channel.once('error', reject));
    failed.catch(() => undefined);
    channel.publish(to, key, body);
    // A request whose answer follows the refusal.
    await Promise.race([failed, channel.checkQueue('of-a-service')]);
  };

beforeAll(async () => {
  broker = await startRabbitmq([], settings);
  for (const user of [...ours, ...services]) await broker.ctl('add_user', user, 'secret');
  for (const command of permissionCommands([...ours, ...services])) await broker.ctl(...command);
  await onBroker(broker.url, async (channel) => {
    for (const name of [...services, 'openstack']) await channel.assertExchange(name, 'topic', { durable: false });
    await channel.assertQueue('of-a-service', { durable: false });
  });
  const collector = await startAs('nephoscope-collector');
  await collector.declare(meteringTopology);
  const notifications: QueueTopology = {
    ...{
      exchange: 'nova',
      exchangeOwner: 'service',
      queue: 'nephoscope.notifications',
      bindings: ['notifications.info'],
    },
    deadLetterQueue: 'nephoscope.notifications.dead',
  };
  await collector.declare(notifications);
}, 120_000);
afterAll(async () => {
  for (const bus of buses) await bus.stop();
  await broker.stop();
}, 60_000);

it('permits a compute agent to publish samples and receive requests, beside a collector that receives both', async () => {
  const [agent, collector] = [await startAs('nephoscope-compute'), await startAs('nephoscope-collector')];
  await agent.declare(meteringTopology);
  await collector.declare(meteringTopology);
  const samples: string[] = [];
  await collector.consume(queue, { prefetch: 10 }, (delivery) => {
    samples.push(Buffer.from(delivery.body).toString());
    void delivery.deadLetter('unreadable: for the test').then(() => delivery.ack());
  });
  await agent.publish(message);
  await until('the sample', () => samples.includes('something'));
  const heard: string[] = [];
  for (const route of ['signed', 'unsigned'] as const) {
    const requests = lastReadingQueue('node-1.example.org', route);
    await agent.listen(requests, (request) => void heard.push(Buffer.from(request).toString()));
    const [routingKey] = requests.bindings as [string];
    await collector.publish({ ...message, routingKey, body: Buffer.from(route) });
    await until('the request', () => heard.includes(route));
  }
  await (await collector.lead('metering.dead', AbortSignal.timeout(10_000))).release();
}, 60_000);

it('permits a central agent to publish samples and to hold the lock', async () => {
  const central = await startAs('nephoscope-central');
  await central.declare(meteringTopology);
  await central.publish(message);
  const leadership = await central.lead('central', AbortSignal.timeout(10_000));
  await leadership.saveNote(Buffer.from('a cycle'));
  await leadership.release();
}, 60_000);

it.each(services)('permits %s to publish notifications, and to have its own queues', async (service) => {
  await attempt(service, async (channel) => {
    await publishing(service, 'notifications.info')(channel);
    if (service === 'cinder') await publishing('openstack', 'notifications.info')(channel);
    await channel.assertQueue(`${service}-work`, { durable: false });
    await channel.assertExchange(`reply_${service}`, 'direct', { durable: false });
    await channel.bindQueue(`${service}-work`, `reply_${service}`, 'x');
    await channel.get(`${service}-work`);
    await channel.deleteQueue(`${service}-work`);
  });
});

const taking = (name: string): [string, (channel: Channel) => Promise<unknown>][] => [
  [`read ${name}`, (channel) => channel.get(name)],
  [`consume ${name}`, (channel) => channel.consume(name, () => undefined)],
  [`purge ${name}`, (channel) => channel.purgeQueue(name)],
  [`delete ${name}`, (channel) => channel.deleteQueue(name)],
];
const all = [queue, deadLetterQueue, 'nephoscope.notifications', 'nephoscope.notifications.dead'].flatMap(taking);
const binding = (from: string, key: string) => async (channel: Channel) => {
  const { queue: own } = await channel.assertQueue(`nephoscope.compute.spy.${key.length}`, { exclusive: true });
  await channel.bindQueue(own, from, key);
};
const byService = (service: (typeof services)[number]) =>
  [
    ...all,
    ['publish samples', publishing(exchange, 'metering.cpu')],
    ['request last readings', publishing(exchange, 'compute.node-1')],
    ['bind the exchanges of services', (channel) => channel.bindQueue(queue, service, '#')],
    ...[...services, 'openstack']
      .filter((other) => other !== service && !(service === 'cinder' && other === 'openstack'))
      .map((other) => [`publish notifications on ${other}`, publishing(other, 'notifications.info')]),
  ] as [string, (channel: Channel) => Promise<unknown>][];

it.each(
  (
    [
      ['nephoscope-compute', all],
      ['nephoscope-compute', taking('of-a-service')],
      ['nephoscope-compute', [['receive samples of others', binding(exchange, 'metering.#')]]],
      ['nephoscope-compute', [['receive notifications of services', binding('nova', 'notifications.info')]]],
      [
        'nephoscope-compute',
        [['request last readings from other agents', publishing(exchange, 'compute.node-2')]],
      ],
      ['nephoscope-compute', [['publish directly to queues', publishing('', queue)]]],
      [
        'nephoscope-compute',
        services.map((name) => [`publish notifications on ${name}`, publishing(name, 'notifications.info')]),
      ],
      ['nephoscope-compute', [['delete the exchange', (channel) => channel.deleteExchange(exchange)]]],
      ['nephoscope-central', all],
      ['nephoscope-central', taking('of-a-service')],
      [
        'nephoscope-central',
        services.map((name) => [`publish notifications on ${name}`, publishing(name, 'notifications.info')]),
      ],
      ['nephoscope-collector', taking('of-a-service')],
      [
        'nephoscope-collector',
        services.map((name) => [`publish notifications on ${name}`, publishing(name, 'notifications.info')]),
      ],
      ...services.map((service) => [service, byService(service)] as const),
    ] as (readonly [User, [string, (channel: Channel) => Promise<unknown>][]])[]
  ).flatMap(([user, acts]) => acts.map(([what, act]) => ({ user, what, act }))),
)('does not permit $user to $what', async ({ user, act }) => {
  await expect(attempt(user, act)).rejects.toThrow(/ACCESS.REFUSED|403/i);
});

it("refuses a body larger than any of Nephoscope's, while samples are received", async () => {
  // Other messages would include some of them.
  for (const bus of buses.splice(0)) await bus.stop();
  await onBroker(broker.url, (channel) => channel.purgeQueue(queue));
  const collector = await startAs('nephoscope-collector');
  const heard: string[] = [];
  await collector.consume(queue, { prefetch: 100 }, (delivery) => {
    heard.push(Buffer.from(delivery.body).toString());
    delivery.ack();
  });
  const agent = await startAs('nephoscope-compute');
  const largest = Number(/max_message_size = (\d+)/.exec(settings)![1]);
  const larger = Buffer.alloc(largest + 1);
  const samples = Array.from({ length: 100 }, (_, number) => `sample ${number}`);
  await Promise.all([
    ...(['nova', 'swift'] as const).map((service) =>
      expect(attempt(service, publishing('', queue, larger))).rejects.toMatchObject({ code: 406 }),
    ),
    ...samples.map((text) => agent.publish({ ...message, body: Buffer.from(text) })),
  ]);
  await until('all samples', () => heard.length >= samples.length);
  expect(heard.toSorted()).toEqual(samples.toSorted());
});
