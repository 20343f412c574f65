import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { centralAgentProgram } from '@nephoscope/agent-central';
import { computeAgentProgram } from '@nephoscope/agent-compute';
import { collectorProgram } from '@nephoscope/collector';
import { configure, ConfigInvalid, readConfig } from '@nephoscope/runtime';
import type { ProgramDefinition } from '@nephoscope/runtime';

import { declaredPlugins } from '../plugins.js';

const sections = {
  ...centralAgentProgram.sections,
  ...computeAgentProgram.sections,
  ...collectorProgram.sections,
};

/** All programs of a host in one, as `nephoscope config check` validates them. */
const program: ProgramDefinition<typeof sections> = {
  name: 'nephoscope',
  directory: '/',
  sections,
  chosen: { ...computeAgentProgram.chosen, ...collectorProgram.chosen },
  selected: { ...centralAgentProgram.selected, ...computeAgentProgram.selected, ...collectorProgram.selected },
};

const good = 'secrets: hush of the tests\nbus: { url: amqp://rabbit-1/ }\n';

describe('the message about a mistake', () => {
  let folder: string;
  let path: string;
  let declared: Awaited<ReturnType<typeof declaredPlugins>>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nephoscope-'));
    path = join(folder, 'n.yaml');
    declared = await declaredPlugins();
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** The whole message, without its first line if a list of mistakes follows it. */
  const told = async (text: string | Uint8Array, environment: NodeJS.ProcessEnv = {}): Promise<string> => {
    await writeFile(path, text);
    const error: unknown = await readConfig(path, environment)
      .then((raw) => configure(program, raw, declared))
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
    if (!(error instanceof Error)) throw new Error('it was not refused', { cause: error });
    const lines = error.message.replaceAll(path, 'FILE').split('\n');
    return (error instanceof ConfigInvalid ? lines.slice(1) : lines).map((line) => line.trim()).join('\n');
  };

  it.each([
    [
      'compute: { interval: soon }\n',
      "compute.interval: must be a time span such as 10s, 5m or 1h, not 'soon' (FILE:3)",
    ],
    ['compute: { interval: 0 }\n', 'compute.interval: must be a time span such as 10s, 5m or 1h, not 0 (FILE:3)'],
    ['compute: { interval: 0s }\n', 'compute.interval: must be a time span such as 10s, 5m or 1h, not 0 (FILE:3)'],
    [
      'compute: { interval: 10 min }\n',
      "compute.interval: must be a time span such as 10s, 5m or 1h, not '10 min' (FILE:3)",
    ],
    [
      'compute: { interval: [1m] }\n',
      'compute.interval: must be a time span such as 10s, 5m or 1h, not a list (FILE:3)',
    ],
    [
      'compute: { interval: }\n',
      'compute.interval: has no value: give it a time span such as 10s, 5m or 1h, or remove the key (FILE:3)',
    ],
    ['compute: { intervall: 1m }\n', "compute.intervall: there is no such key; did you mean 'interval'? (FILE:3)"],
    [
      'interval: 1m\n',
      "interval: there is no such key; did you mean 'central.interval' or 'compute.interval'? (FILE:3)",
    ],
    ['level: debug\n', "level: there is no such key; did you mean 'log.level'? (FILE:3)"],
    [
      'log: { level: DEBUG }\n',
      "log.level: must be one of 'debug', 'info', 'warn', 'error', not 'DEBUG' (FILE:3)",
    ],
    ['log: debug\n', 'log: must be a mapping, not a text (FILE:3)'],
    ['log:\n  level:debug\n', 'log: must be a mapping, not a text: is the space after a colon missing? (FILE:3)'],
    ['log:\n  - level: debug\n', 'log: must be a mapping, not a list: write its keys without "-" (FILE:3)'],
    ['host: 12345\n', 'host: must be a text, not 12345: put it in quotes (FILE:3)'],
    ['host: ""\n', 'host: must be a text, not an empty text (FILE:3)'],
    ['host: true\n', 'host: must be a text, not true: put it in quotes (FILE:3)'],
    ['source: { name: x }\n', 'source: must be a text, not a mapping (FILE:3)'],
    [
      'status: { port: "9390" }\n',
      "status.port: must be a whole number from 0 to 65535, not '9390': remove the quotes (FILE:3)",
    ],
    ['status: { port: 99999 }\n', 'status.port: must be a whole number from 0 to 65535, not 99999 (FILE:3)'],
    ['status: { port: 80.5 }\n', 'status.port: must be a whole number from 0 to 65535, not 80.5 (FILE:3)'],
    ['status: { port: 0x10 }\n', "status.port: must be a whole number from 0 to 65535, not '0x10' (FILE:3)"],
    [
      'status: { names: compute-1 }\n',
      'status.names: must be a list of texts, not a text: put it in brackets, [ ] (FILE:3)',
    ],
    ['status: { names: [1] }\n', 'status.names[0]: must be a text, not 1: put it in quotes (FILE:3)'],
    [
      'status: { names: { a: b } }\n',
      'status.names: must be a list of texts, not a mapping: begin each of its items with "- " (FILE:3)',
    ],
    [
      'compute: { lastReading: yes }\n',
      "compute.lastReading: must be one of 'collector', 'nova', 'off', not 'yes' (FILE:3)",
    ],
    [
      'compute: { lastReading: { enabled: false } }\n',
      'compute.lastReading: is a word now: collector for enabled: true, nova for notifications (whose exchange and topics are written in services.nova), off for enabled: false (FILE:3)',
    ],
    ['services: { nova: nova }\n', 'services.nova: must be a mapping, not a text (FILE:3)'],
    [
      'services: { nova: { exchange: { name: nova } } }\n',
      'services.nova.exchange: must be a text or a list of texts, not a mapping (FILE:3)',
    ],
    [
      'services: { nvoa: {} }\n',
      'services.nvoa: no installed plugin is for a service of this name; there are nova, cinder, glance, neutron, swift (FILE:3)',
    ],
    [
      'notifications: { plugins: { vcpus: { format: versioned } } }\n',
      'notifications.plugins.vcpus.format: is set once for all plugins: write services.nova.format, unless it was auto (FILE:3)',
    ],
    [
      'central: { pollsters: { image: { interface: public } } }\n',
      'central.pollsters.image.interface: is set once for all pollsters: write services.glance.interface (FILE:3)',
    ],
    [
      'compute: { spool: { maxBytes: 4GB } }\n',
      "compute.spool.maxBytes: must be a size such as 512MiB or 4GiB, not '4GB' (FILE:3)",
    ],
    [
      'compute: { spool: { maxBytes: -4 } }\n',
      'compute.spool.maxBytes: must be a size such as 512MiB or 4GiB, not -4 (FILE:3)',
    ],
    [
      'compute: { groups: { name: fast, interval: 10s, meters: [cpu] } }\n',
      'compute.groups: must be a list of mappings, not a mapping: begin each of its items with "- " (FILE:3)',
    ],
    [
      'compute:\n  groups:\n    - name: fast\n      meters: cpu\n',
      'compute.groups[0].interval: is required: a time span such as 10s, 5m or 1h (FILE:5)\ncompute.groups[0].meters: must be a list of texts, not a text: put it in brackets, [ ] (FILE:6)',
    ],
    [
      'compute:\n  groups:\n    - { name: fast, interval: 10s, meters: [cpu] }\n    - { name: fast, interval: 10s, meters: [net] }\n',
      'compute.groups[1].name: another group has this name (FILE:6)',
    ],
    [
      'compute: { discovery: openstack }\n',
      "compute.discovery: must be one of 'libvirt', 'nova', not 'openstack' (FILE:3)",
    ],
    [
      'compute: { instances: { exclude: [{}] } }\n',
      'compute.instances.exclude[0]: give name, project or metadata (FILE:3)',
    ],
    [
      'compute: { instances: { exclude: [web] } }\n',
      'compute.instances.exclude[0]: must be a mapping, not a text (FILE:3)',
    ],
    [
      'compute: { instances: { include: { name: web } } }\n',
      'compute.instances.include: must be a list of mappings, not a mapping: begin each of its items with "- " (FILE:3)',
    ],
    ['compute: { pollsters: { cpu: { x: 1 } } }\n', 'compute.pollsters.cpu.x: there is no such key (FILE:3)'],
    [
      'compute: { pollsters: [cpu] }\n',
      'compute.pollsters: must be a mapping, not a list: write its keys without "-" (FILE:3)',
    ],
    [
      'compute: { disabled: cpu }\n',
      'compute.disabled: must be a list of texts, not a text: put it in brackets, [ ] (FILE:3)',
    ],
    [
      'compute: { disabled: [cpus] }\n',
      "compute.disabled[0]: no plugin 'cpus' is installed for 'poll.compute' (installed: instance, power_state, cpu, diskio, disk_device, net, memory) (FILE:3)",
    ],
    ['inspector: { hypervisor: xen }\n', 'inspector.hypervisor: is written as uri: xen:/// (FILE:3)'],
    [
      'inspector: { type: libvrt }\n',
      "inspector.type: no plugin 'libvrt' is installed for 'compute.virt' (installed: 'libvirt'); install its package beside this program (FILE:3)",
    ],
    ['inspector: { type: 5 }\n', 'inspector.type: must be a text, not 5: put it in quotes (FILE:3)'],
    ['inspector: { owners: [{ projectId: a }] }\n', 'inspector.owners[0].name: is required: a text (FILE:3)'],
    ['openstack: { password: [hush] }\n', 'openstack.password: must be a text, not a list (FILE:3)'],
    [
      'openstack: { password: 5.5 }\n',
      'openstack.password: must be a text, not a number: put it in quotes (FILE:3)',
    ],
    ['openstack: { verify: no }\n', "openstack.verify: must be true or false, not 'no' (FILE:3)"],
    [
      'openstack: { interface: interal }\n',
      "openstack.interface: must be one of 'public', 'internal', 'admin', not 'interal' (FILE:3)",
    ],
    ['openstack: { systemScope: true }\n', "openstack.systemScope: must be 'all', not true (FILE:3)"],
    [
      'openstack: { timeout: 30 s x }\n',
      "openstack.timeout: must be a time span such as 10s, 5m or 1h, not '30 s x' (FILE:3)",
    ],
    [
      'collector: { signatures: ceilometer }\n',
      "collector.signatures: must be a list of 'ceilometer' or 'canonical', not a text: put it in brackets, [ ] (FILE:3)",
    ],
    [
      'collector: { signatures: [ceilometr] }\n',
      "collector.signatures[0]: must be one of 'ceilometer', 'canonical', not 'ceilometr' (FILE:3)",
    ],
    [
      'collector: { signatures: [] }\n',
      "collector.signatures: must be a list of 'ceilometer' or 'canonical', not an empty list (FILE:3)",
    ],
    [
      'notifications: { queue: { owner: nova } }\n',
      "notifications.queue.owner: must be one of 'nephoscope', 'services', not 'nova' (FILE:3)",
    ],
    [
      'storage: { url: /var/lib/samples.db }\n',
      'storage.url: must look like sqlite:/var/lib/nephoscope/samples.db or postgresql://user:password@host:5432/database (FILE:3)',
    ],
    ['storage: { url: [hush] }\n', 'storage.url: must be a text, not a list (FILE:3)'],
    ['storage: { url: 5 }\n', 'storage.url: must be a text, not 5: put it in quotes (FILE:3)'],
    ['storage: { tls: { certFile: x } }\n', 'storage.tls: certFile and keyFile belong together (FILE:3)'],
    [
      '"": 1\n',
      '(no name): there is no such key; there are secrets, source, host, log, services, api, bus, central, collector, compute, inspector, notifications, openstack, status, storage (FILE:3)',
    ],
    [
      'storage: &s { url: "sqlite:/x" }\ncompute: *s\n',
      'compute.url: there is no such key; there are interval, timeout, stateDirectory, spool, wire, signature, discovery, enabled, disabled, pollsters, instances, lastReading, groups (FILE:3)',
    ],
    [
      'storage: &s { url: 5 }\ncollector: { <<: *s }\n',
      'collector.url: there is no such key; there are retention, signatures (FILE:3)\nstorage.url: must be a text, not 5: put it in quotes (FILE:3)',
    ],
    [
      'compute:\n  groups:\n    - &g { name: fast, interval: soon, meters: [cpu] }\n    - { <<: *g, name: slow }\n',
      "compute.groups[0].interval: must be a time span such as 10s, 5m or 1h, not 'soon' (FILE:5)\ncompute.groups[1].interval: must be a time span such as 10s, 5m or 1h, not 'soon' (FILE:5)",
    ],
    [
      'compute: { <<: 5 }\n',
      'FILE is not YAML:\nFILE:3:16: << takes a mapping, such as an alias of one (*name), or a list of mappings',
    ],
    ['compute: &a { <<: *a }\n', 'FILE cannot be read: write out its aliases'],
    [
      'compute: &a { <<: [*a, *b] }\n',
      'FILE is not YAML:\nFILE:3:24: this is read as an alias of something that is not there: put a text that begins with * in quotes',
    ],
    ['source: a\nsource: b\n', 'FILE is not YAML:\nFILE:4:1: the key is there already, further up'],
    ['log:\n\tlevel: debug\n', 'FILE is not YAML:\nFILE:4:1: indent with spaces, not with tabs'],
    [
      'log: { level: debug\nsource: x\n',
      'FILE is not YAML:\nFILE:4:1: a bracket or brace that was opened further up is not closed before this line',
    ],
    [
      'source: "x\n',
      'FILE is not YAML:\nFILE:4:1: a character is missing, such as a closing quote or bracket, a comma, or the space after a colon',
    ],
    [
      'meters: *all\n',
      'FILE is not YAML:\nFILE:3:9: this is read as an alias of something that is not there: put a text that begins with * in quotes',
    ],
  ])('in a minimal configuration with these lines: %j', async (text, said) => {
    expect(await told(good + text)).toBe(said);
  });

  it.each([
    ['secrets: hush of the tests\n', 'bus.url: is required: a text or a list of texts (FILE)'],
    [
      'secrets: hush of the tests\nbus:\n  url:\n',
      'bus.url: has no value: give it a text or a list of texts, or remove the key (FILE:3)',
    ],
    ['secrets: hush of the tests\nbus: amqp://rabbit-1/\n', 'bus: must be a mapping, not a text (FILE:2)'],
    [
      'secrets: hush of the tests\nbus: { url: http://u:hush@x }\n',
      'bus.url: must be amqp://user:password@host:port/vhost or amqps://…, with special characters percent-encoded (FILE:2)',
    ],
    [
      'secrets: hush of the tests\nbus: { url: [] }\n',
      'bus.url: must be a text or a list of texts, not an empty list (FILE:2)',
    ],
    [
      'secrets: hush of the tests\nbus: { url: [5] }\n',
      'bus.url[0]: must be a text, not 5: put it in quotes (FILE:2)',
    ],
    [
      'secrets: hush of the tests\nbus: { url: { host: x } }\n',
      'bus.url: must be a text or a list of texts, not a mapping (FILE:2)',
    ],
    [
      'secrets: hush of the tests\nbus: { url: amqp://x, heartbeat: 0 }\n',
      'bus.heartbeat: must be a time span such as 10s, 5m or 1h, not 0 (FILE:2)',
    ],
    [
      'secrets: hush of the tests\nbus: { url: amqp://x, heartbeat: 20m }\n',
      'bus.heartbeat: must be whole seconds, from 1s to 10m (FILE:2)',
    ],
    [
      'secrets: hush of the tests\nbus: { url: amqp://x, management: rabbit-1:15671 }\n',
      'bus.management: must be a URL that begins with https:// or http:// (FILE:2)',
    ],
    [
      'secrets: hush of the tests\nbus: { url: amqp://x, management: 15671 }\n',
      'bus.management: must be a URL that begins with https:// or http:// (FILE:2)',
    ],
    [
      'secrets: hush of the tests\nbus: { url: amqp://x, password: hush }\n',
      'bus.password: there is no such key; there are url, tls, heartbeat, management (FILE:2)',
    ],
    ['bus: { url: amqp://x }\n', 'secrets: is required: a text or a list of texts (FILE)'],
    [
      'secret: hush of the tests\nbus: { url: amqp://x }\n',
      "secrets: is required: a text or a list of texts (FILE)\nsecret: there is no such key; did you mean 'secrets'? (FILE:1)",
    ],
    [
      'secrets: { a: hush }\nbus: { url: amqp://x }\n',
      'secrets: must be a text or a list of texts, not a mapping (FILE:1)',
    ],
    [
      'secrets: 5.5\nbus: { url: amqp://x }\n',
      'secrets: must be a text or a list of texts, not a number: put it in quotes (FILE:1)',
    ],
    ['secrets: [[hush]]\nbus: { url: amqp://x }\n', 'secrets[0]: must be a text, not a list (FILE:1)'],
    [
      '﻿secrets: hush of the tests\nbus: { url: amqp://rabbit-1/ }\nlog: { level: 1 }\n',
      "log.level: must be one of 'debug', 'info', 'warn', 'error', not 1 (FILE:3)",
    ],
    [
      '',
      'secrets: is required: a text or a list of texts (FILE)\nbus.url: is required: a text or a list of texts (FILE)',
    ],
    [
      '# x\n',
      'secrets: is required: a text or a list of texts (FILE)\nbus.url: is required: a text or a list of texts (FILE)',
    ],
    [
      '- secrets: hush\n',
      "FILE is not a configuration: its top level must be keys with values, as in 'source: openstack'",
    ],
    [
      'secrets hush\n',
      "FILE is not a configuration: its top level must be keys with values, as in 'source: openstack'",
    ],
    [
      'secrets:hush\n',
      "FILE is not a configuration: its top level must be keys with values, as in 'source: openstack'",
    ],
    [
      'secrets = hush\n',
      "FILE is not a configuration: its top level must be keys with values, as in 'source: openstack'",
    ],
    [
      '[DEFAULT]\nsecret = hush\n',
      'FILE is not YAML:\nFILE:2:1: this was not expected here (a text that begins with a special character such as * & ! % @ { [ or `, or holds ": ", needs quotes)',
    ],
    [
      '{"secrets": "hush of the tests", "bus": {"url": 5}}',
      'bus.url: must be a text or a list of texts, not 5: put it in quotes (FILE:1)',
    ],
    [
      'secrets: hush of the tests\r\nbus: { url: amqp://rabbit-1/ }\r\nlog: { level: 1 }\r\n',
      "log.level: must be one of 'debug', 'info', 'warn', 'error', not 1 (FILE:3)",
    ],
  ])('in a whole file: %j', async (text, said) => {
    expect(await told(text)).toBe(said);
  });

  it.each([
    [
      'NEPHOSCOPE_',
      '1',
      'NEPHOSCOPE_ names no key: NEPHOSCOPE_COMPUTE__STATE_DIRECTORY sets compute.stateDirectory',
    ],
    [
      'NEPHOSCOPE_COMPUTE__',
      '1',
      'NEPHOSCOPE_COMPUTE__ names no key: NEPHOSCOPE_COMPUTE__STATE_DIRECTORY sets compute.stateDirectory',
    ],
    [
      'NEPHOSCOPE___COMPUTE',
      '1',
      'NEPHOSCOPE___COMPUTE names no key: NEPHOSCOPE_COMPUTE__STATE_DIRECTORY sets compute.stateDirectory',
    ],
    [
      'NEPHOSCOPE_COMPUTE__GROUPS__0__NAME',
      'x',
      "NEPHOSCOPE_COMPUTE__GROUPS__0__NAME: the environment sets a list as a whole: NEPHOSCOPE_COMPUTE__GROUPS='[…]'",
    ],
    [
      'NEPHOSCOPE_COMPUTE__GROUPS__NAME',
      'x',
      'compute.groups: must be a list of mappings, not a mapping: begin each of its items with "- " (NEPHOSCOPE_COMPUTE__GROUPS__NAME)',
    ],
    [
      'NEPHOSCOPE_COMPUTE_INTERVAL',
      '1m',
      "computeInterval: there is no such key; did you mean 'compute.interval'? (NEPHOSCOPE_COMPUTE_INTERVAL)",
    ],
    [
      'NEPHOSCOPE_COMPUTE__INTERVAL',
      'soon',
      "compute.interval: must be a time span such as 10s, 5m or 1h, not 'soon' (NEPHOSCOPE_COMPUTE__INTERVAL)",
    ],
    [
      'NEPHOSCOPE_COMPUTE__INTERVALL',
      '1m',
      "compute.intervall: there is no such key; did you mean 'interval'? (NEPHOSCOPE_COMPUTE__INTERVALL)",
    ],
    [
      'NEPHOSCOPE_INTERVAL',
      '1m',
      "interval: there is no such key; did you mean 'central.interval' or 'compute.interval'? (NEPHOSCOPE_INTERVAL)",
    ],
    ['NEPHOSCOPE_HOST', '12345', 'host: must be a text, not 12345: put it in quotes (NEPHOSCOPE_HOST)'],
    [
      'NEPHOSCOPE_COMPUTE',
      'interval: 1m',
      'compute: must be a mapping, not a text: put it in braces, { } (NEPHOSCOPE_COMPUTE)',
    ],
    [
      'NEPHOSCOPE_COMPUTE__DISABLED',
      'cpu,net',
      'compute.disabled: must be a list of texts, not a text: put it in brackets, [ ] (NEPHOSCOPE_COMPUTE__DISABLED)',
    ],
    [
      'NEPHOSCOPE_COMPUTE__DISABLED',
      '[cpu, nett]',
      "compute.disabled[1]: no plugin 'nett' is installed for 'poll.compute' (installed: instance, power_state, cpu, diskio, disk_device, net, memory) (NEPHOSCOPE_COMPUTE__DISABLED)",
    ],
    [
      'NEPHOSCOPE_SECRETS',
      'hush',
      "secrets: use at least 8 characters, such as those of 'openssl rand -hex 32' (NEPHOSCOPE_SECRETS)",
    ],
    [
      'NEPHOSCOPE_BUS__URL',
      '',
      'bus.url: must be amqp://user:password@host:port/vhost or amqps://…, with special characters percent-encoded (NEPHOSCOPE_BUS__URL)',
    ],
    [
      'NEPHOSCOPE_STATUS__PORT',
      '',
      'status.port: must be a whole number from 0 to 65535, not an empty text (NEPHOSCOPE_STATUS__PORT)',
    ],
    [
      'NEPHOSCOPE_LOG__LEVEL',
      'trace',
      "log.level: must be one of 'debug', 'info', 'warn', 'error', not 'trace' (NEPHOSCOPE_LOG__LEVEL)",
    ],
    ['NEPHOSCOPE_SOURCE__NAME', 'x', 'source: must be a text, not a mapping (NEPHOSCOPE_SOURCE__NAME)'],
  ])('in an environment variable: %s=%s', async (name, value, said) => {
    expect(await told(good, { [name]: value })).toBe(said);
  });

  it('in variables that set a key within a list of the file', async () => {
    expect(
      await told(`${good}compute: { groups: [{ name: a, interval: 1m, meters: [cpu] }] }\n`, {
        NEPHOSCOPE_COMPUTE__GROUPS__NAME: 'x',
      }),
    ).toBe(
      'compute.groups: must be a list of mappings, not a mapping: begin each of its items with "- " (NEPHOSCOPE_COMPUTE__GROUPS__NAME)',
    );
  });

  it('in a file that is not UTF-8, as Windows and old editors write it', async () => {
    const said = 'cannot read the configuration FILE: it is not UTF-8: save it as UTF-8';
    expect(await told(Buffer.from(good, 'utf16le'))).not.toBe('');
    expect(await told(Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(good, 'utf16le')]))).toBe(said);
    expect(await told(Buffer.from(`${good}source: Zürich\n`, 'latin1'))).toBe(said);
  });

  it('in the path of the file', async () => {
    await writeFile(path, good);
    const refusal = async (named: string) =>
      (await readConfig(named, {}).catch((error: unknown) => error)) as Error;
    expect((await refusal(join(folder, 'none.yaml'))).message).toBe(
      `cannot read the configuration ${folder}/none.yaml: there is no such file: name one with --config`,
    );
    expect((await refusal(folder)).message).toBe(
      `cannot read the configuration ${folder}: it is a folder: name the file in it`,
    );
    expect((await refusal(join(path, 'x'))).message).toBe(
      `cannot read the configuration ${path}/x: a part of the path is not a directory: name a file with --config`,
    );
  });
});
