import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Sample } from '@nephoscope/core/sample-store';

import { startRabbitmq } from '../../testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../testbed/rabbitmq.js';
import { sharedLibvirtd } from '../../testbed/shared.js';
import { Deployment, packAll } from '../deployment.js';
import type { MadePackage } from '../deployment.js';
import { takeSamples } from '../metering-queue.js';

const secret = 'of the tests from outside';
const libvirtd = sharedLibvirtd();

const throwing = "throw new Error('this plugin is broken');";

/** Third-party packages. */
const strangers: readonly MadePackage[] = [
  // It declares a plugin, but is only a dependency of the carrier.
  { manifest: { name: '@stranger/stowaway', nephoscope: { 'poll.compute': { stowaway: '.' } } }, code: throwing },
  { manifest: { name: '@stranger/carrier', dependencies: { '@stranger/stowaway': '1.0.0' } }, code: '' },
  { manifest: { name: '@stranger/thrower', nephoscope: { 'poll.compute': { thrower: '.' } } }, code: throwing },
  { manifest: { name: '@stranger/twin', nephoscope: { 'poll.compute': { cpu: '.' } } }, code: throwing },
];

let broker: PrivateRabbitmq;
let packages: string;
let deployment: Deployment;

beforeAll(async () => {
  packages = await mkdtemp(join(tmpdir(), 'nephoscope-packed-'));
  const installed = packAll(packages, strangers).then((tarballs) =>
    Deployment.install(tarballs, [
      '@nephoscope/agent-compute',
      '@example/pollster-disk-wait',
      '@stranger/carrier',
    ]),
  );
  // A private broker, because the queue `metering` must not be shared.
  const [deploymentResult, brokerResult] = await Promise.allSettled([installed, startRabbitmq()]);
  if (brokerResult.status === 'fulfilled') broker = brokerResult.value;
  if (deploymentResult.status === 'fulfilled') deployment = deploymentResult.value;
  for (const result of [deploymentResult, brokerResult]) if (result.status === 'rejected') throw result.reason;
}, 180_000);

afterAll(async () => {
  await Promise.all([broker?.stop(), deployment?.remove(), rm(packages, { recursive: true, force: true })]);
}, 60_000);

function configuration(compute: object = {}): object {
  return {
    secrets: [secret],
    host: 'outside-1',
    bus: { type: 'amqp', url: broker.url },
    inspector: { type: 'libvirt', uri: `qemu+unix:///system?socket=${libvirtd.socketReadOnly}` },
    compute: { stateDirectory: 'state', ...compute },
  };
}

const taken = () => takeSamples(broker.url, secret);

function metersOf(samples: readonly Sample[], resourceId: string): ReadonlySet<string> {
  return new Set(samples.filter((sample) => sample.resourceId === resourceId).map(({ meter }) => meter));
}

it('sends the counters of a third-party plugin beside its own', async () => {
  const { code, stderr } = await deployment.once(configuration());
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
  const samples = await taken();
  const id = (await libvirtd.virsh('domuuid', 'testbed-double')).trim();
  expect([...metersOf(samples, id)]).toEqual(
    expect.arrayContaining([
      'instance',
      'cpu',
      'cpu_util',
      'vcpus',
      'power.state',
      'disk.read.bytes',
      'memory.resident',
    ]),
  );
  for (const disk of ['vda', 'vdb']) {
    expect([...metersOf(samples, `${id}-${disk}`)]).toEqual(
      expect.arrayContaining(['disk.device.read.bytes', 'disk.device.read.await']),
    );
  }
  const cards = new Set(
    samples
      .filter(({ meter, text }) => meter === 'network.incoming.bytes' && text.includes(id))
      .map(({ resourceId }) => resourceId),
  );
  expect(cards.size).toBe(2);
  const waited = samples.filter(({ meter }) => meter === 'disk.device.read.await');
  for (const { unit, type, volume, source } of waited) {
    expect({ unit, type, source }).toEqual({ unit: 'ms', type: 'gauge', source: 'openstack' });
    expect(Number(volume)).toBeGreaterThan(0);
  }
});

it('has a single copy of every package, above all of core', async () => {
  const installed = await deployment.installed('@nephoscope');
  expect(installed).toContain('node_modules/@nephoscope/core');
  expect(installed.filter((path) => path.endsWith('/core'))).toHaveLength(1);
  expect(installed.every((path) => path.lastIndexOf('node_modules/') === 0)).toBe(true);
});

it('ignores the plugin of an indirect dependency', async () => {
  expect(await deployment.installed('@stranger')).toEqual([
    'node_modules/@stranger/carrier',
    'node_modules/@stranger/stowaway',
  ]);
  const { code, stderr } = await deployment.once(configuration({ disabled: ['stowaway'] }));
  expect(code).toBe(1);
  expect(stderr).toContain("no plugin 'stowaway' is installed");
  expect(stderr).toMatch(/installed: .*disk_wait/);
});

it('names both packages if two have a plugin with the same name, and sends nothing', async () => {
  const twins = await deployment.with('@stranger/twin');
  try {
    const { code, stderr } = await twins.once(configuration());
    expect(code).toBe(1);
    expect(stderr).toContain("'cpu'");
    expect(stderr).toContain('@nephoscope/agent-compute@');
    expect(stderr).toContain('@stranger/twin@1.0.0');
    expect(await taken()).toEqual([]);
  } finally {
    await twins.remove();
  }
}, 60_000);

it('runs without a plugin that throws during its import, reports it, and exits with an error', async () => {
  const broken = await deployment.with('@stranger/thrower');
  try {
    const { code, stderr } = await broken.once(configuration());
    expect(code).toBe(1);
    expect(stderr).toContain('@stranger/thrower@1.0.0');
    expect(stderr).toContain('this plugin is broken');
    const meters = new Set((await taken()).map(({ meter }) => meter));
    expect([...meters]).toEqual(expect.arrayContaining(['cpu', 'disk.device.read.await']));

    const without = await broken.once(configuration({ disabled: ['thrower'] }));
    expect(without).toEqual({ code: 0, stderr: expect.not.stringContaining('this plugin is broken') });
    await taken();
  } finally {
    await broken.remove();
  }
}, 60_000);

it('refuses all unknown keys with their paths, including those of plugins, at once', async () => {
  const compute = { intervall: 10, pollsters: { disk_wait: { minimumRequest: 5 }, memory: { verbose: true } } };
  const { code, stderr } = await deployment.once({ ...configuration(compute), bux: {} });
  expect(code).toBe(1);
  const paths = [
    'compute.intervall',
    'bux',
    'compute.pollsters.disk_wait.minimumRequest',
    'compute.pollsters.memory.verbose',
  ];
  for (const path of paths) {
    expect(stderr).toMatch(
      new RegExp(`${path.replaceAll('.', '\\.')}: there is no such key.* \\(nephoscope\\.yaml:\\d+\\)`),
    );
  }
  expect(await taken()).toEqual([]);
});

it('gives environment variables precedence', async () => {
  const variables = { NEPHOSCOPE_SOURCE: 'from-the-environment', NEPHOSCOPE_COMPUTE__ENABLED: '[disk_wait]' };
  const { code, stderr } = await deployment.once(configuration(), variables);
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
  const samples = await taken();
  expect(samples.length).toBeGreaterThan(0);
  expect(new Set(samples.map(({ source }) => source))).toEqual(new Set(['from-the-environment']));
  for (const { meter } of samples) expect(meter).toMatch(/^disk\.device\.(read\.await|write\.await|queue)$/);
});
