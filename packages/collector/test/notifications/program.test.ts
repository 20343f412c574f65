import { join } from 'node:path';

import { Secret } from '@nephoscope/core/options';
import { configure, discoverPlugins } from '@nephoscope/runtime';
import { FakeBus, FakeClock } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { manifest, temporaryFolder, writeTree } from '../../../runtime/test/deployment.js';
import { collectorProgram, createCollector } from '../../src/program.js';
import { metric, until } from '../support.js';
import { RecordingRoot, bytes, capture, delivery, enveloped, volumeCreated } from './material.js';

const busSource = `
import { defineMessageBus } from '@nephoscope/core/message-bus';
export default defineMessageBus({ create: () => ({}) });
`;
const storeSource = `
import { defineSampleStore } from '@nephoscope/core/sample-store';
const names = 'start stop record recordedAs removeBefore removedBefore recordedTimes health'.split(' ');
const create = () => Object.fromEntries(names.map((name) => [name, () => undefined]));
export default defineSampleStore({ create, createReader: () => ({}) });
`;
const pluginSource = (create = '') => `
import { PluginDeclined } from '@nephoscope/core';
import { defineNotificationHandler } from '@nephoscope/core/notification';
import { z } from 'zod';
export default defineNotificationHandler({
  meters: [{ name: 'volume', type: 'gauge', unit: 'volume', description: 'The volume exists' }],
  options: z.strictObject({ exchange: z.string().default('openstack') }),
  create({ options, clock, host }) {
    ${create}
    return {
      eventTypes: ['volume.*'],
      exchangeTopics: ({ notificationTopics }) => [
        { exchange: options.exchange, topics: notificationTopics.map((topic) => topic + '.info') },
      ],
      processNotification: ({ payload }) => [{
        name: 'volume', type: 'gauge', unit: 'volume', volume: 1, userId: host, projectId: null,
        resourceId: payload.volume_id, timestamp: clock.now(), resourceMetadata: {},
      }],
    };
  },
});
`;
/** The same plugin with a meter of its own. */
const another = (meter: string, source: string) => source.replaceAll("name: 'volume'", `name: '${meter}'`);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

/** A collector's configuration with these plugins installed as a package. */
async function configured(
  notifications: object,
  plugins: Readonly<Record<string, string>>,
  services: object = {},
) {
  await writeTree(folder.path, {
    'package.json': manifest('deployment', { bus: ['amqp'], storage: ['sql'], collector: Object.keys(plugins) }),
    'amqp.js': busSource,
    'sql.js': storeSource,
    ...Object.fromEntries(Object.entries(plugins).map(([name, source]) => [`${name}.js`, source])),
  });
  const values = { secrets: 'a secret of the tests', host: 'controller-1', notifications, services };
  const raw = { values, warnings: [], locate: (path: readonly PropertyKey[]) => join(...path.map(String)) };
  return configure(collectorProgram, raw, discoverPlugins(folder.path));
}

/** The collector with that configuration, started with its queue of notifications. */
async function started(notifications: object, plugins: Readonly<Record<string, string>>, services: object = {}) {
  const [bus, logger, registry, clock] = [new FakeBus(), new RecordingRoot(), new Registry(), new FakeClock()];
  const created = createCollector(await configured(notifications, plugins, services), {
    bus,
    logger,
    registry,
    clock,
  });
  await created.notifications.start();
  const told = (level: string) =>
    logger.entries.filter((entry) => entry.level === level).map(({ message }) => message);
  return { ...created, bus, registry, told };
}

it('runs every installed plugin with the options from the configuration', async () => {
  const { bus, registry } = await started(
    { topics: ['one', 'two'], plugins: { volume: { exchange: 'cinder' } } },
    { volume: pluginSource(), other: another('other', pluginSource()) },
  );
  expect(bus.declared.slice(1).map(({ exchange, bindings }) => [exchange, bindings])).toEqual([
    ['openstack', ['one.info', 'two.info']],
    ['cinder', ['one.info', 'two.info']],
  ]);
  const one = delivery(enveloped(volumeCreated));
  bus.send(one);
  await until('it is settled', () => one.outcome === 'ack');
  expect(bus.confirmed).toHaveLength(2);
  for (const { body } of bus.confirmed)
    expect(Buffer.from(body).toString()).toContain('"publisher_id":"collector.controller-1"');
  expect(await metric(registry, 'nephoscope_collector_plugin_failures')).toBe(0);
});

describe('settings of a service', () => {
  /** A plugin for a service, as a third party would write it. */
  const about = (service: string, meter: string) => `
import { defineServiceNotifications } from '@nephoscope/core/notification';
export default defineServiceNotifications({
  service: '${service}', exchanges: ['usual'], publishers: ['usual.*'], eventTypes: ['${meter}.*'], counters: () => [],
  meters: [{ name: '${meter}', type: 'gauge', unit: '1', description: 'It exists' }],
});
`;
  const plugins = { one: about('trove', 'one'), two: about('trove', 'two'), volume: about('cinder', 'volume') };
  const heard = async (services: object) => {
    const { bus } = await started({ topics: ['telemetry'] }, plugins, services);
    return bus.declared.slice(1).map(({ exchange, bindings }) => [exchange, bindings]);
  };

  it('are written once and apply to every plugin of that service, and to no other', async () => {
    expect(await heard({})).toEqual([['usual', ['telemetry.info']]]);
    expect(await heard({ trove: { exchange: 'trove' } })).toEqual([
      ['trove', ['telemetry.info']],
      ['usual', ['telemetry.info']],
    ]);
    expect(await heard({ trove: { exchange: ['a', 'b'], topics: ['x', 'y'] }, cinder: { topics: 'z' } })).toEqual([
      ['a', ['x.info', 'y.info']],
      ['b', ['x.info', 'y.info']],
      ['usual', ['z.info']],
    ]);
  });

  it('set the accepted publishers', async () => {
    const { bus } = await started({}, plugins, { cinder: { publishers: 'storage-*' } });
    const sent = ['storage-7', 'usual.host'].map((publisher_id) =>
      delivery(enveloped({ ...volumeCreated, event_type: 'volume.create.end', publisher_id })),
    );
    bus.send(...sent);
    await until('they are settled', () => sent.every(({ outcome }) => outcome !== undefined));
    expect(sent.map(({ dead }) => dead.map(({ reason }) => reason.split(':')[0]))).toEqual([[], ['publisher']]);
  });

  it.each([
    [{ trov: { exchange: 'x' } }, ['services', 'trov'], 'there are nova, cinder, glance, neutron, swift, trove'],
    [{ trove: { exchnge: 'x' } }, ['services', 'trove', 'exchnge'], "did you mean 'exchange'?"],
    [{ cinder: { format: 'versioned' } }, ['services', 'cinder', 'format'], 'there is no such key'],
    [{ nova: { format: 'auto' } }, ['services', 'nova', 'format'], "must be one of 'unversioned', 'versioned'"],
    [{ nova: { topics: [] } }, ['services', 'nova', 'topics'], 'must be a text or a list of texts'],
  ])('are checked: %j', async (services, path, message) => {
    await expect(configured({}, plugins, services)).rejects.toMatchObject({
      problems: [{ path, message: expect.stringContaining(message) as unknown }],
    });
  });

  it('may belong to a service whose plugins are disabled', async () => {
    const some = await configured({ disabled: ['one', 'two'] }, plugins, { trove: { exchange: 'x' }, nova: {} });
    expect(some.config.services).toEqual({ trove: { exchange: ['x'] }, nova: {} });
  });

  it.each([
    ['exchanges', ['x'], 'services.cinder.exchange'],
    ['publishers', ['x'], 'services.cinder.publishers'],
  ])('are refused as %s of a single plugin, with what to write instead', async (key, value, instead) => {
    await expect(configured({ plugins: { volume: { [key]: value } } }, plugins)).rejects.toMatchObject({
      problems: [
        {
          path: ['notifications', 'plugins', 'volume', key],
          message: `is set once for all plugins: write ${instead}`,
        },
      ],
    });
  });
});

it('requests a last reading of an instance that nova begins to delete', async () => {
  const { bus } = await started({}, { volume: pluginSource() });
  const one = delivery(bytes(capture('nova.compute.instance.delete.start').body));
  bus.send(one);
  await until('it is settled', () => one.outcome === 'ack');
  expect(bus.offered.map(({ exchange, routingKey }) => [exchange, routingKey])).toEqual([
    ['ceilometer', 'last-reading.oslab-compute-1'],
  ]);
});

it.each([
  ['disabled', { disabled: ['bad'] }],
  ['not in the list of enabled ones', { enabled: ['volume'] }],
])('does not import a plugin that is %s', async (_, notifications) => {
  const { told, registry, bus } = await started(notifications, {
    volume: pluginSource(),
    bad: 'throw new Error();',
  });
  expect(told('error')).toEqual([]);
  expect(bus.declared).toHaveLength(2);
  expect(await metric(registry, 'nephoscope_collector_plugin_failures')).toBe(0);
});

it('runs without plugins that cannot be imported or created, and names and counts them; a plugin may decline', async () => {
  const { told, registry, bus } = await started(
    {},
    {
      volume: pluginSource(),
      broken: 'throw new Error("out of order");',
      failing: another('failing', pluginSource('throw new Error("no such file");')),
      topicless: another('topicless', pluginSource().replace('exchangeTopics:', 'topics:')),
      declining: another(
        'declining',
        pluginSource('throw new PluginDeclined("nova announces its versioned form");'),
      ),
    },
  );
  expect(told('error')).toEqual([
    expect.stringMatching(
      /^the notification plugin 'broken' does not run, its meters are missing: .*out of order/s,
    ),
    "the notification plugin 'failing' does not run, its meters are missing: no such file",
    expect.stringContaining("the notification plugin 'topicless' does not run"),
  ]);
  expect(told('info')).toContain(
    "the notification plugin 'declining' does not run: nova announces its versioned form",
  );
  expect(await metric(registry, 'nephoscope_collector_plugin_failures')).toBe(3);
  const one = delivery(bytes(volumeCreated));
  bus.send(one);
  await until('it is settled', () => one.outcome === 'ack');
  expect(bus.confirmed).toHaveLength(1);
});

it('reports every mistake in the options of plugins, with its path', async () => {
  const wrong = {
    enabled: ['volume', 'vulome'],
    disabled: ['nothing'],
    plugins: { volume: { exchnge: 'cinder' }, stranger: {} },
  };
  await expect(configured(wrong, { volume: pluginSource() })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    problems: [
      { path: ['notifications', 'enabled', 1] },
      { path: ['notifications', 'disabled', 0] },
      { path: ['notifications', 'plugins', 'stranger'] },
      { path: ['notifications', 'plugins', 'volume', 'exchnge'] },
    ],
  });
  await expect(configured({ queues: {} }, {})).rejects.toMatchObject({
    problems: [{ path: ['notifications', 'queues'] }],
  });
});

it('signs with the first secret, in a form that collectors accept', async () => {
  const configuration = await configured({}, { volume: pluginSource() });
  const { config } = configuration;
  const bus = new FakeBus();
  const { notifications } = createCollector(
    {
      ...configuration,
      config: {
        ...config,
        secrets: [...config.secrets, new Secret('an older secret')],
        collector: { ...config.collector, signatures: ['ceilometer'] },
      },
    },
    { bus, logger: new RecordingRoot(), registry: new Registry(), clock: new FakeClock() },
  );
  await notifications.start();
  const one = delivery(bytes(volumeCreated));
  bus.send(one);
  await until('it is settled', () => one.outcome === 'ack');
  expect(Buffer.from(bus.confirmed[0]!.body).toString()).toContain('"signature_form":"ceilometer"');
});
