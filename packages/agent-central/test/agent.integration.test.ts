import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { connect } from 'amqplib';
import type { ChannelModel } from 'amqplib';

import { FrameLink } from '../../../tools/testbed/frame-link.js';
import { waitUntil } from '../../../tools/testbed/processes.js';
import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import { project, startCloud } from './scripted-cloud.js';
import type { ScriptedCloud } from './scripted-cloud.js';
import type { Line } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'nephoscope-central-'));
const children = new Set<ChildProcess>();
let rabbitmq: PrivateRabbitmq;
let cloud: ScriptedCloud;
let watching: ChannelModel | undefined;
let vhosts = 0;

beforeAll(async () => {
  rabbitmq = await startRabbitmq();
}, 120_000);

afterAll(async () => {
  await rabbitmq?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

beforeEach(async () => {
  cloud = await startCloud();
});

afterEach(async () => {
  await Promise.all([...children].map((child) => (child.kill('SIGKILL'), once(child, 'close'))));
  await watching?.close();
  watching = undefined;
  await cloud.close();
});

/**
 * A separate virtual host, the samples that arrive in it, and how to start agents on it.
 *
 * @param port that leads agents to the broker, if it is not the broker's own
 */
async function deployment(central: object = {}, port?: number) {
  const vhost = `central-${++vhosts}`;
  await rabbitmq.ctl('add_vhost', vhost);
  await rabbitmq.ctl('set_permissions', '-p', vhost, 'guest', '.*', '.*', '.*');
  const url = `${rabbitmq.url}/${vhost}`;
  const arrived: Line[] = [];
  watching = await connect(url);
  const channel = await watching.createChannel();
  await channel.assertExchange('ceilometer', 'topic', { durable: true });
  await channel.assertQueue('watched', { exclusive: true });
  await channel.bindQueue('watched', 'ceilometer', 'metering.#');
  await channel.consume(
    'watched',
    (message) => {
      const text = message?.content.toString('utf8') ?? '';
      for (const line of text.split('\n')) if (line !== '') arrived.push(JSON.parse(line) as Line);
    },
    { noAck: true },
  );
  const own = new URL(url);
  if (port !== undefined) own.port = String(port);
  const start = (host: string, ...args: string[]) => startAgent({ host, bus: { url: own.href }, central }, args);
  return { arrived, start };
}

function startAgent(
  configuration: { readonly host: string; readonly [section: string]: unknown },
  args: readonly string[],
) {
  const file = join(folder, `${configuration.host}-${vhosts}.yaml`);
  const openstack = {
    authUrl: `${cloud.url}/identity/v3`,
    ...{ username: 'ceilometer', password: 'lab-secret', projectName: 'service', timeout: '5s' },
    ...{ userDomainName: 'Default', projectDomainName: 'Default' },
  };
  const secrets = ['a secret of the tests'];
  // JSON is YAML too.
  writeFileSync(file, JSON.stringify({ secrets, openstack, status: { port: 0 }, ...configuration }));
  const unwanted = /^(NEPHOSCOPE|OS)_/;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !unwanted.test(name)));
  const start = fileURLToPath(new URL('../bin/nephoscope-agent-central', import.meta.url));
  const child = spawn(start, ['--config', file, ...args], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.add(child);
  const log: { readonly level: string; readonly msg: string; readonly [key: string]: unknown }[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    log.push(line.startsWith('{') ? (JSON.parse(line) as (typeof log)[number]) : { level: 'error', msg: line });
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    children.delete(child);
    return (code ?? signal) as number | string;
  });
  const told = (text: string) => log.some(({ msg }) => msg.includes(text));
  return { child, log, ended, told };
}

const counted = (lines: readonly Line[], meter: string) =>
  lines.filter(({ counter_name }) => counter_name === meter).length;
const errors = (log: readonly { readonly level: string; readonly msg: string }[]) =>
  log.filter(({ level }) => level === 'error').map(({ msg }) => msg);

it('--once sends what the services list, and requests each page once', async () => {
  for (let index = 0; index < 250; index++)
    cloud.images.push({ id: `i-${index}`, name: `Образ ${index}`, size: index });
  const { arrived, start } = await deployment();
  const { ended, log } = start('controller-1', '--once');
  expect({ code: await ended, errors: errors(log) }).toEqual({ code: 0, errors: [] });
  await waitUntil('all arrived', () => arrived.length >= 507);
  const table: Record<string, number> = {};
  for (const { counter_name } of arrived) table[counter_name] = (table[counter_name] ?? 0) + 1;
  expect(table).toEqual({
    image: 250,
    'image.size': 250,
    'ip.floating': 1,
    'volume.size': 1,
    'storage.objects': 1,
    'storage.objects.size': 1,
    'storage.objects.containers': 1,
    'storage.containers.objects': 1,
    'storage.containers.objects.size': 1,
  });
  expect(arrived.find(({ counter_name }) => counter_name === 'storage.containers.objects.size')).toMatchObject({
    resource_id: `${project}/бакет`,
    counter_volume: 7,
  });
  // Hidden images are a separate listing, and this cloud does not distinguish them.
  expect(cloud.asked.filter((one) => one.includes('/v2/images'))).toHaveLength(2 * 3);
  expect(cloud.asked.filter((one) => one.includes('/projects'))).toHaveLength(1);
}, 60_000);

it('failures of services affect only what is read there', async () => {
  cloud.images.push({ id: 'image-1', size: 1 });
  // Temporary failures are retried until then.
  const { arrived, start } = await deployment({ timeout: '10s' });
  cloud.absent.add('object-store');
  cloud.faults.set('image', (_, response) => (response.writeHead(503).end('{"message": "busy"}'), true));
  cloud.faults.set('volume', (_, response) => (response.writeHead(200).end('{"volumes": [{"id'), true));
  cloud.faults.set('network', (request, response) => {
    if (request.url?.includes('/routers') !== true) return undefined;
    const routers_links = [{ rel: 'next', href: `${cloud.url}${request.url}` }];
    response.writeHead(200).end(JSON.stringify({ routers: [{ id: 'router-1' }], routers_links }));
    return true;
  });
  const { ended, log } = start('controller-1', '--once');
  expect(await ended).toBe(1);
  await waitUntil('what can be read arrived', () => counted(arrived, 'ip.floating') === 1);
  expect(counted(arrived, 'router')).toBe(1);
  expect(new Set(arrived.map(({ counter_name }) => counter_name))).toEqual(new Set(['ip.floating', 'router']));
  const told = errors(log).join('\n');
  for (const says of [
    /'image' failed.*503/,
    /'volume_size' failed.*is not JSON/,
    /'router' failed.*page/,
    /'objectstore' failed.*object-store/,
  ])
    expect(told).toMatch(says);
  expect(told).not.toContain('lab-secret');
}, 120_000);

it('while keystone is unavailable all wait, and all recover without a restart', async () => {
  cloud.images.push({ id: 'image-1', size: 1 });
  const { arrived, start } = await deployment({ interval: '3s' });
  cloud.faults.set('identity', (_, response) => (response.writeHead(500).end(), true));
  const { child, ended, told } = start('controller-1');
  await waitUntil('it is said', () => told("the pollster 'image' failed"), 60_000);
  expect(arrived).toEqual([]);
  cloud.faults.clear();
  await waitUntil('samples arrive', () => counted(arrived, 'image') > 0, 60_000);
  cloud.revokeTokens();
  const before = counted(arrived, 'image');
  await waitUntil('they go on', () => counted(arrived, 'image') >= before + 2, 60_000);
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
}, 180_000);

it.each(['keystone', 'the broker'])(
  'ends with code 0 within 10 s while %s does not respond',
  async (silent) => {
    const link = await FrameLink.open(Number(new URL(rabbitmq.url).port));
    const { start } = await deployment({ interval: '1s' }, link.port);
    let isSilent = false;
    if (silent === 'keystone') cloud.faults.set('identity', () => (isSilent = true));
    const { child, ended, told } = start('controller-1');
    if (silent === 'the broker') {
      await waitUntil('it works', () => told('cycle done'), 60_000);
      link.cutAt(link.frames + 1, 'silent', () => (isSilent = true));
    }
    await waitUntil('it is silent', () => isSilent, 60_000);
    const before = performance.now();
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(performance.now() - before).toBeLessThan(10_000);
    await link.close();
  },
  120_000,
);

it('one agent works; when it is killed during a cycle the other repeats that cycle, with the same ids', async () => {
  for (let index = 0; index < 3_000; index++)
    cloud.images.push({ id: `image-${index}`, name: `${index}`, size: 1 });
  // So that the cycle has the same time before and after.
  const { arrived, start } = await deployment({ interval: '1d' });
  let pages = 0;
  // The 25th page never arrives.
  cloud.faults.set('image', () => (++pages >= 25 ? true : undefined));
  const agents = [start('controller-1'), start('controller-2')];
  await waitUntil('some of the images arrived', () => pages >= 25 && counted(arrived, 'image') >= 2_000, 60_000);
  const active = agents.filter(({ told }) => told('the active central agent'));
  expect(active).toHaveLength(1);
  active[0]!.child.kill('SIGKILL');
  await active[0]!.ended;
  cloud.faults.clear();
  const partial = new Set(arrived.map(({ message_id }) => message_id));

  const [other] = agents.filter((agent) => agent !== active[0]);
  await waitUntil('the other has done the cycle', () => other!.told('cycle done'), 60_000);
  await waitUntil('its samples arrived', () => new Set(arrived.map(({ message_id }) => message_id)).size >= 6_007);
  const whole = new Set(arrived.map(({ message_id }) => message_id));
  expect(whole.size).toBe(6_007);
  expect(new Set(arrived.map(({ counter_name, resource_id }) => `${counter_name} ${resource_id}`)).size).toBe(
    6_007,
  );
  expect([...partial].filter((id) => !whole.has(id))).toEqual([]);

  // A third agent does not repeat a finished cycle.
  other!.child.kill('SIGTERM');
  expect(await other!.ended).toBe(0);
  const count = arrived.length;
  const third = start('controller-3');
  await waitUntil('it is the active one', () => third.told('completed the cycle of'), 60_000);
  third.child.kill('SIGTERM');
  expect(await third.ended).toBe(0);
  expect(arrived.length).toBe(count);
}, 180_000);
