import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Sample } from '@nephoscope/core/sample-store';
import { isJsonObject, JsonNumber, parseJson } from '@nephoscope/message';
import { systemClock } from '@nephoscope/runtime';
import sql from '@nephoscope/storage-sql';
import { RecordingLogger } from '@nephoscope/testing';
import { DatabaseSync } from '@photostructure/sqlite';

import { waitUntil } from '../../../tools/testbed/processes.js';
import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import { sharedLibvirtd } from '../../../tools/testbed/shared.js';
import { nephoscope, start } from './command.js';

const secret = 'the secret of this test';
const guest = 'display name of testbed-plain';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nephoscope-command-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Writes a configuration into a new folder. */
async function deployment(
  name: string,
  sections: Record<string, unknown> = {},
): Promise<{ cwd: string; config: string; database: string }> {
  const cwd = join(directory, name);
  await mkdir(cwd, { recursive: true });
  const config = join(cwd, 'test.yaml');
  const database = join(cwd, 'samples.db');
  const whole = {
    secrets: [secret],
    inspector: { uri: `qemu+unix:///system?socket=${sharedLibvirtd().socketReadOnly}` },
    storage: { url: `sqlite:${database}` },
    compute: { interval: '10s', stateDirectory: join(cwd, 'state') },
    ...sections,
  };
  await writeFile(config, JSON.stringify(whole), { mode: 0o600 });
  return { cwd, config, database };
}

function query<Row>(database: string, sql: string): readonly Row[] {
  const sqlite = new DatabaseSync(database);
  try {
    return sqlite.prepare(sql).all() as Row[];
  } finally {
    sqlite.close();
  }
}

/** All samples in a database, newest first, as the store returns them. */
async function recordedIn(database: string): Promise<readonly Sample[]> {
  const reader = sql.createReader({
    options: sql.options.parse({ url: `sqlite:${database}` }),
    logger: new RecordingLogger(),
    clock: systemClock,
    host: 'tests',
  });
  const { signal } = new AbortController();
  await reader.start(signal);
  const samples: Sample[] = [];
  for await (const sample of reader.samples({ scope: 'all', newestFirst: true }, signal)) samples.push(sample);
  await reader.stop();
  return samples;
}

describe('with samples of a real guest', () => {
  let cwd: string;
  let config: string;
  let database: string;
  let table: Awaited<ReturnType<typeof nephoscope>>;
  let recorded: readonly Sample[];

  beforeAll(async () => {
    ({ cwd, config, database } = await deployment('recorded'));
    table = await nephoscope(cwd, 'up', '--config', config, '--once');
    recorded = await recordedIn(database);
  }, 60_000);

  it('up --once shows what was recorded in two cycles', () => {
    expect(table).toMatchObject({ code: 0 });
    const lines = table.stdout.split('\n');
    expect(lines[0]).toMatch(/^INSTANCE +METER +DEVICE +VOLUME +UNIT +CHANGE\/S$/);
    const first = lines.findIndex((line) => line.startsWith(guest));
    // Its CPU time in ns, with a change per second from the two readings.
    expect(lines[first]).toMatch(/^display name of testbed-plain +cpu +[\d,]+ +ns +[\d,.]+$/);
    expect(table.stderr).toContain('Reading the hypervisor, 2 of 2');

    const volumes = recorded
      .map(({ text }) => parseJson(text))
      .filter(isJsonObject)
      .filter((message) => message.get('counter_name') === 'cpu')
      .map((message) => (message.get('counter_volume') as JsonNumber).text);
    expect(volumes.length).toBeGreaterThanOrEqual(4);
    expect(volumes).toContain(/cpu +([\d,]+)/.exec(lines[first] ?? '')?.[1]?.replaceAll(',', ''));
  });

  it('samples --json returns the recorded samples, to the last digit', async () => {
    const { code, stdout } = await nephoscope(cwd, 'samples', '--config', config, '--json');
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toEqual(recorded.map(({ text }) => text));
  });

  it('samples shows a table of the samples that match the filters', async () => {
    // A specific one: those of other tests come and go.
    const { resourceId } = recorded.find(({ text, meter }) => meter === 'cpu' && text.includes(guest))!;
    const { stdout } = await nephoscope(
      cwd,
      'samples',
      '--store',
      `sqlite:${database}`,
      '--meter',
      'cpu',
      '--resource',
      resourceId,
      '--start',
      '1h',
    );
    const rows = stdout.trimEnd().split('\n');
    expect(rows[0]).toMatch(/^TIME +RESOURCE +METER +VOLUME +UNIT +TYPE +PROJECT$/);
    expect(rows).toHaveLength(3);
    for (const row of rows.slice(1))
      expect(row).toMatch(new RegExp(`${resourceId} +cpu +[\\d,]+ +ns +cumulative`));

    const none = await nephoscope(cwd, 'samples', '--config', config, '--end', '1h');
    expect(none).toEqual({ code: 0, stdout: '', stderr: 'No samples match.\n' });
  });

  it('meters and resources count the recorded samples', async () => {
    const meters = await nephoscope(cwd, 'meters', '--config', config, '--json');
    const counted = meters.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { name: string; samples: number });
    const names = query<{ name: string; samples: number }>(
      database,
      'select counter_name as name, count(*) as samples from samples join series on series.id = series_id group by 1 order by 1',
    );
    expect(counted.map(({ name, samples }) => ({ name, samples }))).toEqual(names);

    const resources = await nephoscope(cwd, 'resources', '--config', config, '--meter', 'cpu', '--json');
    const listed = resources.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { metadata: { display_name: string }; meters: string[] });
    expect(listed.map(({ metadata }) => metadata.display_name)).toContain(guest);
    expect(
      (await nephoscope(cwd, 'resources', '--config', config, '--limit', '1')).stdout.trimEnd().split('\n'),
    ).toHaveLength(2);
  });

  it('verify detects what was tampered with, and nothing else', async () => {
    const clean = await nephoscope(cwd, 'verify', '--config', config);
    expect(clean).toMatchObject({
      code: 0,
      stdout: `${recorded.length} verified (0 ceilometer, ${recorded.length} canonical), 0 failed\n`,
    });

    const copy = join(cwd, 'tampered.db');
    query(database, `vacuum into '${copy}'`);
    await chmod(copy, 0o600);
    const [message, column] = recorded;
    if (message === undefined || column === undefined) throw new Error('nothing was recorded');
    const key = ({ messageId }: Sample) => `x'${messageId.replaceAll('-', '')}'`;
    query(copy, `update samples set volume = volume || '0' where key = ${key(message)}`);
    // Another owner, for this sample only.
    const columns = 'source, counter_name, type, unit, user_id, resource_id, epoch, publisher_id, layout';
    query(
      copy,
      `insert into series (id, project_id, ${columns}) select 1000000, 'somebody else', ${columns} from series
         where id = (select series_id from samples where key = ${key(column)})`,
    );
    query(copy, `update samples set series_id = 1000000 where key = ${key(column)}`);
    const tampered = await nephoscope(cwd, 'verify', '--config', config, '--store', `sqlite:${copy}`);
    expect(tampered.code).toBe(1);
    const lines = tampered.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines).toContainEqual(
      expect.stringMatching(new RegExp(`^${message.messageId} .*the signature does not hold`)),
    );
    expect(lines).toContainEqual(
      expect.stringMatching(
        new RegExp(`^${column.messageId} .*the stored projectId is somebody else, the signed message says`),
      ),
    );
    expect(lines[2]).toMatch(/, 2 failed$/);
    expect(tampered.stderr).toBe(
      `2 of ${recorded.length} samples are not what was signed with the configured secrets\n`,
    );
  });

  it('verify accepts no secret other than the one that signed', async () => {
    const other = await deployment('other-secret', {
      secrets: ['another secret'],
      storage: { url: `sqlite:${database}` },
    });
    const { code, stdout } = await nephoscope(other.cwd, 'verify', '--config', other.config, '--limit', '3');
    expect(code).toBe(1);
    expect(stdout).toContain('0 verified (0 ceilometer, 0 canonical), 3 failed');
  });

  it('retention counts older samples, and removes them only with --remove', async () => {
    const to = join(cwd, 'older.db');
    await copyFile(database, to);
    const store = ['--store', `sqlite:${to}`];
    const all = recorded.length;
    const none = await nephoscope(cwd, 'retention', ...store, '--before', '2020-01-01');
    expect(none).toMatchObject({
      code: 0,
      stdout: 'No samples are of before 2020-01-01T00:00:00.000000+00:00.\n',
    });
    const counted = await nephoscope(cwd, 'retention', ...store, '--before', '2100-01-01');
    expect(counted.stdout).toMatch(new RegExp(`^${all} samples are of before 2100-.* removed for ever\\.\\n$`));
    expect(query(to, 'select id from samples')).toHaveLength(all);
    const removed = await nephoscope(cwd, 'retention', ...store, '--before', '2100-01-01', '--remove');
    expect(removed.stdout).toBe(
      `${all} samples of before 2100-01-01T00:00:00.000000+00:00 are removed. Collectors refuse what comes again of them ('expired').\n`,
    );
    expect(query(to, 'select id from samples')).toEqual([]);
    const unsaid = await nephoscope(cwd, 'retention', ...store, '--remove');
    expect(unsaid).toMatchObject({ code: 1, stderr: expect.stringContaining("'--before <time>' not specified") });
  });

  it('ends quietly when its output is closed', async () => {
    const running = start(cwd, ['samples', '--config', config, '--json']);
    running.child.stdout?.destroy();
    expect(await running.ended).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('config and plugins', () => {
  it('config check reports every mistake with its place', async () => {
    const { cwd, config } = await deployment('mistakes');
    await writeFile(
      config,
      `secrets: [short]
bus: { type: pigeon }
compute:
  intervall: 10s
  timeout: soon
storage: { url: 'postgres://localhost' }
`,
    );
    const { code, stdout, stderr } = await nephoscope(cwd, 'config', 'check', '--config', config);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    const [head, ...mistakes] = stderr.trimEnd().split('\n');
    expect(head).toBe('the configuration has 5 mistakes:');
    expect(
      mistakes.map((line) => [/^ {2}([^:]+):/.exec(line)?.[1], /test\.yaml:(\d+)\)$/.exec(line)?.[1]]).sort(),
    ).toEqual([
      ['bus.type', '2'],
      ['compute.intervall', '4'],
      ['compute.timeout', '5'],
      ['secrets[0]', '1'],
      ['storage.url', '6'],
    ]);
  });

  it('config check reports that everything is valid', async () => {
    const { cwd, config } = await deployment('fine', { bus: { type: 'memory' } });
    expect(await nephoscope(cwd, 'config', 'check', '--config', config)).toEqual({
      code: 0,
      stdout: 'The configuration is valid.\n',
      stderr: '',
    });
  });

  it('config check names the default store if none is configured', async () => {
    const cwd = join(directory, 'no-storage');
    await mkdir(cwd);
    await writeFile(join(cwd, 'n.yaml'), 'secrets: a secret of this test\nbus: { type: memory }\n', {
      mode: 0o600,
    });
    const { code, stderr } = await nephoscope(cwd, 'config', 'check', '--config', 'n.yaml');
    expect(code).toBe(0);
    expect(stderr).toContain(
      "there is no section storage: the collector uses the store 'sql' with sqlite:/var/lib/nephoscope/samples.db, the default",
    );
  });

  it('config check reports every mistake, however many there are', async () => {
    const cwd = join(directory, 'many-mistakes');
    await mkdir(cwd);
    const names = Array.from({ length: 60 }, (_, number) => `mistaken-key-number-${number}`);
    await writeFile(join(cwd, 'm.yaml'), names.map((name) => `${name}: 1\n`).join(''));
    const { code, stderr } = await nephoscope(cwd, 'config', 'check', '--config', 'm.yaml');
    expect(code).toBe(1);
    for (const name of names) expect(stderr).toContain(`${name}: there is no such key`);
    expect(stderr).toMatch(/the configuration has these \d+ mistakes\n$/);
  });

  it('reports that options must follow the command', async () => {
    const { code, stderr } = await nephoscope(directory, '--config', 'm.yaml', 'meters');
    expect(code).toBe(1);
    expect(stderr).toContain("options go after the command, as in 'nephoscope samples --config FILE'");
  });

  it('config print has the defaults and no secret', async () => {
    const { cwd, config } = await deployment('printed', {
      bus: { url: 'amqp://me:open-sesame@127.0.0.1:5672/v' },
    });
    const { code, stdout } = await nephoscope(cwd, 'config', 'print', '--config', config);
    expect(code).toBe(0);
    expect(stdout).toContain('url: amqp://me:[secret]@127.0.0.1:5672/v');
    expect(stdout).toMatch(/^ {2}timeout: 30s$/m);
    expect(stdout).not.toContain('sesame');
    expect(stdout).not.toContain(secret);
  });

  it('config schema has the options of every plugin', async () => {
    const { code, stdout } = await nephoscope(directory, 'config', 'schema');
    expect(code).toBe(0);
    const { properties } = JSON.parse(stdout) as {
      properties: Record<
        string,
        { anyOf?: { properties: { type: { const: string } } }[]; properties?: Record<string, unknown> }
      >;
    };
    expect(properties['bus']?.anyOf?.map((one) => one.properties.type.const)).toEqual(['amqp', 'memory']);
    expect(properties['storage']?.anyOf?.[0]?.properties).toHaveProperty('url');
    expect(properties['compute']?.properties).toHaveProperty('pollsters.properties.cpu');
  });

  it('plugins shows which ones run, and why others do not', async () => {
    const { cwd, config } = await deployment('disabled', {
      bus: { type: 'memory' },
      compute: { disabled: ['net'], pollsters: { cpu: { no: 1 } } },
    });
    const { code, stdout } = await nephoscope(cwd, 'plugins', '--config', config, '--json');
    expect(code).toBe(0);
    const plugins = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string>);
    const stateOf = (name: string) => plugins.find((one) => one['name'] === name);
    expect(stateOf('net')).toMatchObject({
      namespace: 'poll.compute',
      package: '@nephoscope/agent-compute',
      version: expect.stringMatching(/^\d/),
      stability: 'beta',
      state: 'inactive',
      reason: expect.stringContaining('compute.disabled'),
    });
    expect(stateOf('instance')).toMatchObject({ state: 'active' });
    expect(stateOf('cpu')).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('compute.pollsters.cpu.no'),
    });
    expect(stateOf('memory')).toMatchObject({ state: 'active', namespace: 'bus' });
    expect(stateOf('amqp')).toMatchObject({ state: 'inactive', reason: expect.stringContaining('not chosen') });

    expect((await nephoscope(cwd, 'plugins', '--config', config)).stdout).toMatch(
      /^poll\.compute +net +@nephoscope\/agent-compute +\S+ +beta +inactive +disabled/m,
    );
  });
});

describe('commands that cannot succeed', () => {
  it.each([
    [['fly'], /unknown command 'fly'/],
    [['up', '--twice'], /unknown option '--twice'/],
    [['samples', '--start', 'soon'], /'soon' is invalid/],
    [['samples', '--config', 'missing.yaml'], /missing\.yaml/],
    [['samples', '--store', 'sqlite:/nowhere/samples.db'], /no database \/nowhere\/samples\.db/],
    [
      ['retention', '--store', 'sqlite:/nowhere/samples.db', '--before', '1d'],
      /no database \/nowhere\/samples\.db/,
    ],
    [['verify', '--store', 'sqlite:/nowhere/samples.db'], /cannot read the configuration/],
    [['send-counter', '--name', 'a'], /required option/],
    [
      ['send-counter', '--name', 'a', '--unit', 'B', '--resource', 'r', '--volume', '0.12345678901234567890'],
      /cannot be sent exactly/,
    ],
  ])('nephoscope %j prints an error message', async (args, message) => {
    const { code, stdout, stderr } = await nephoscope(directory, ...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it('up --once fails when no hypervisor answers', async () => {
    const { cwd, config } = await deployment('no-hypervisor', {
      inspector: { uri: 'qemu+unix:///system?socket=/nowhere/libvirt-sock-ro' },
    });
    const { code, stdout, stderr } = await nephoscope(cwd, 'up', '--config', config, '--once');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('/nowhere/libvirt-sock-ro');
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it('send-counter refuses an in-process bus', async () => {
    const { cwd, config } = await deployment('in-process', { bus: { type: 'memory' } });
    const { code, stderr } = await nephoscope(
      cwd,
      'send-counter',
      '--config',
      config,
      '--name',
      'a',
      '--unit',
      'B',
      '--resource',
      'r',
      '--volume',
      '1',
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/bus\.type is 'memory'/);
  });
});

describe('with a real broker', () => {
  let broker: PrivateRabbitmq;
  beforeAll(async () => {
    broker = await startRabbitmq();
  }, 60_000);
  afterAll(() => broker.stop());

  it('send-counter is recorded by a running up, which stops cleanly', async () => {
    const { cwd, config, database } = await deployment('broker', { bus: { url: broker.url } });
    const sent = await nephoscope(
      cwd,
      'send-counter',
      '--config',
      config,
      '--name',
      'storage.bytes',
      '--type',
      'cumulative',
      '--unit',
      'B',
      '--volume',
      '8292646586825371460',
      '--resource',
      'pool-1',
      '--project',
      'p',
      '--user',
      'u',
      '--timestamp',
      '2026-11-22T21:00:00.123456789Z',
      '--metadata',
      '{"size": 9007199254740993}',
    );
    expect(sent.stderr).toBe('');
    expect(sent.code).toBe(0);
    const messageId = sent.stdout.trim();
    const counter = [
      '--name',
      'storage.bytes',
      '--unit',
      'B',
      '--resource',
      'pool-1',
      '--volume',
      '8292646586825371460',
    ];
    const again = ['send-counter', '--config', config, ...counter, '--message-id', messageId];
    expect(await nephoscope(cwd, ...again)).toMatchObject({ code: 0, stdout: `${messageId}\n` });

    // Sent before anybody consumed: the queue existed, and kept it.
    const running = start(cwd, ['up', '--config', config]);
    await waitUntil('a table of what was recorded', () =>
      /^Recorded until [^]*^display name of testbed-plain/m.test(running.stdout()),
    );
    running.child.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0 });

    const sample = (await recordedIn(database)).find((one) => one.messageId === messageId);
    const message = parseJson(sample?.text ?? '');
    if (!isJsonObject(message)) throw new Error('no object');
    expect(message.get('counter_volume')).toEqual(new JsonNumber('8292646586825371460'));
    expect(message.get('timestamp')).toBe('2026-11-22T21:00:00.123456789+00:00');
    expect(message.get('resource_metadata')).toEqual(new Map([['size', new JsonNumber('9007199254740993')]]));
    expect(message.get('publisher_id')).toMatch(/^send-counter\./);
    expect(await nephoscope(cwd, 'verify', '--config', config, '--meter', 'storage.bytes')).toMatchObject({
      code: 0,
      stdout: '1 verified (0 ceilometer, 1 canonical), 0 failed\n',
    });
  }, 90_000);

  it('up --once works with it, too', async () => {
    const { cwd, config } = await deployment('broker-once', { bus: { url: broker.url } });
    const { code, stdout, stderr } = await nephoscope(cwd, 'up', '--config', config, '--once');
    // With its own output, if it fails.
    expect(code === 0 ? '' : stderr).toBe('');
    expect(stdout).toContain(guest);
  }, 90_000);
});
