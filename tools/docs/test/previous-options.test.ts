import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { centralAgentProgram } from '@nephoscope/agent-central';
import { computeAgentProgram } from '@nephoscope/agent-compute';
import { collectorProgram } from '@nephoscope/collector';
import { configure, ConfigInvalid, readConfig } from '@nephoscope/runtime';
import type { ProgramDefinition } from '@nephoscope/runtime';

import { declaredPlugins } from '../plugins.js';

// Without the file that the compute agent creates at its start, because checking a configuration creates no files.
const { note: _, ...compute } = computeAgentProgram;
const programs: readonly ProgramDefinition[] = [compute, centralAgentProgram, collectorProgram];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nephoscope-previous-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The messages of all programs about a configuration, each line once, without its position. */
async function told(text: string): Promise<readonly string[]> {
  const path = join(folder, 'nephoscope.yaml');
  await writeFile(path, text, { mode: 0o600 });
  const lines = new Set<string>();
  for (const program of programs) {
    try {
      const { warnings } = await configure(program, await readConfig(path, {}), await declaredPlugins());
      for (const line of warnings) lines.add(line);
    } catch (error) {
      if (!(error instanceof ConfigInvalid)) throw error;
      for (const line of error.message.split('\n').slice(1)) lines.add(line.trim());
    }
  }
  return [...lines].map((line) => line.replace(/ \([^()]*:\d+\)$/, '')).sort();
}

it('accepts former limits, and warns that they are constants', async () => {
  const lines = await told(`
secrets: hush of the tests
bus: { url: amqp://rabbit, heartbeat: 20, connectTimeout: 5s, confirmTimeout: 10 }
inspector: { hypervisor: kvm, deadline: 2 }
compute: { interval: 60, spool: { maxBytes: 1073741824 }, groups: [{ name: often, interval: 5, meters: [cpu] }] }
openstack: { timeout: 10 }
collector: { prefetch: 50, batch: { samples: 500, wait: 5ms } }
notifications: { prefetch: 10, maxAge: 86400 }
`);
  const spans = [
    'bus.heartbeat: a time span is written with its unit: 20s instead of 20',
    'compute.groups[0].interval: a time span is written with its unit: 5s instead of 5',
    'compute.interval: a time span is written with its unit: 60s instead of 60',
    'compute.spool.maxBytes: a size is written with its unit: 1073741824B instead of 1073741824',
    'notifications.maxAge: a time span is written with its unit: 86400s instead of 86400',
    'openstack.timeout: a time span is written with its unit: 10s instead of 10',
  ];
  const gone = [
    ...['bus.confirmTimeout', 'bus.connectTimeout', 'collector.batch', 'collector.prefetch'],
    ...['inspector.deadline', 'inspector.hypervisor', 'notifications.prefetch'],
  ];
  expect(lines.filter((line) => line.includes('unit'))).toEqual(spans);
  expect(
    lines.filter((line) => !line.includes('unit')).map((line) => line.replace(/: remove the key.*/, '')),
  ).toEqual(gone.map((path) => `${path}: has no effect any more`));
});

it('refuses all removed options that affected what was metered at once, and names the replacements', async () => {
  const lines = await told(`
secrets: hush of the tests
bus: { url: amqp://rabbit }
inspector: { hypervisor: lxc }
compute: { lastReading: { enabled: true, notifications: { exchange: openstack } } }
openstack: { token: hush, domainId: d, domainName: d, authType: token, applicationCredentialName: n }
central:
  pollsters:
    image: { interface: public }
    objectstore: { resellerPrefix: SERVICE_, interface: internal }
notifications:
  queue: { of: others }
  plugins:
    volume_size: { exchanges: [cinder], publishers: ['*'] }
    vcpus: { exchange: nova, format: versioned, versionedTopics: [v], publishers: [a] }
`);
  const once = 'is set once for all';
  expect(lines.map((line) => line.replace(/ of the cloud in clouds.yaml.*/, ' …'))).toEqual([
    `central.pollsters.image.interface: ${once} pollsters: write services.glance.interface`,
    `central.pollsters.objectstore.interface: ${once} pollsters: write services.swift.interface`,
    `central.pollsters.objectstore.resellerPrefix: ${once} pollsters: write services.swift.resellerPrefix`,
    'compute.lastReading: is a word now: collector for enabled: true, nova for notifications (whose exchange and topics are written in services.nova), off for enabled: false',
    'inspector.hypervisor: is written as uri: lxc:///',
    `notifications.plugins.vcpus.exchange: ${once} plugins: write services.nova.exchange`,
    `notifications.plugins.vcpus.format: ${once} plugins: write services.nova.format, unless it was auto`,
    `notifications.plugins.vcpus.publishers: ${once} plugins: write services.nova.publishers`,
    `notifications.plugins.vcpus.versionedTopics: ${once} plugins: write services.nova.topics, with those of the unversioned form`,
    `notifications.plugins.volume_size.exchanges: ${once} plugins: write services.cinder.exchange`,
    `notifications.plugins.volume_size.publishers: ${once} plugins: write services.cinder.publishers`,
    'notifications.queue.of: is now owner: nephoscope instead of us, services instead of others',
    'openstack.applicationCredentialName: write applicationCredentialId instead, or auth.application_credential_name …',
    'openstack.authType: remove the key, as it follows from what is given of the others; or write auth_type …',
    'openstack.domainId: write auth.domain_id …',
    'openstack.domainName: write auth.domain_name …',
    'openstack.token: write auth.token …',
  ]);
});

it('warns of nothing if the same is written in the current way', async () => {
  const lines = await told(`
secrets: hush of the tests
bus: { url: amqp://rabbit, heartbeat: 20s }
services:
  nova: { exchange: openstack, topics: [notifications, v], format: versioned, publishers: [a] }
  cinder: { exchange: [cinder, openstack] }
  glance: { interface: public }
  swift: { resellerPrefix: SERVICE_, interface: internal }
inspector: { uri: 'lxc:///' }
compute: { interval: 60s, lastReading: nova, spool: { maxBytes: 1GiB } }
notifications: { maxAge: 1d }
`);
  expect(lines).toEqual([]);
});
