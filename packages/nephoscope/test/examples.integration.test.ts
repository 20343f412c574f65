import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { AmqpBus, amqpOptions } from '@nephoscope/bus-amqp';
import type { QueueTopology } from '@nephoscope/core/message-bus';
import { meteringTopology } from '@nephoscope/message';
import { systemClock } from '@nephoscope/runtime';

import { sharedLibvirtd } from '../../../tools/testbed/shared.js';
import { start } from './command.js';

/** The configuration for the commands: the README's file, with values of this test in place of some. */
const root = fileURLToPath(new URL('../../..', import.meta.url));
const url = process.env['TESTBED_AMQP_URL'] ?? '';
const ignore = () => undefined;
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

let cwd: string;
let config: string;
let environment: Record<string, string>;
let bus: AmqpBus;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'nephoscope-examples-'));
  await Promise.all(['etc', 'backup', 'bin'].map((name) => mkdir(join(cwd, name))));
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  config = join(cwd, 'etc/nephoscope.yaml');
  const [, text = ''] = /```yaml\n(.*?)```/s.exec(readme) ?? [];
  expect(text).toContain('secrets:');
  for (const name of ['etc/nephoscope.yaml', 'etc/try.yaml', 'new.yaml']) await writeFile(join(cwd, name), text);
  await writeFile(
    join(cwd, 'bin/nephoscope'),
    `#!/bin/sh\nexec '${process.execPath}' '${root}/packages/nephoscope/dist/cli.js' "$@"\n`,
  );
  await chmod(join(cwd, 'bin/nephoscope'), 0o755);
  environment = {
    PATH: `${join(cwd, 'bin')}:${process.env['PATH'] ?? ''}`,
    NEPHOSCOPE_SECRETS: randomBytes(32).toString('hex'),
    NEPHOSCOPE_BUS__URL: url,
    NEPHOSCOPE_INSPECTOR__URI: `qemu+unix:///system?socket=${sharedLibvirtd().socketReadOnly}`,
    NEPHOSCOPE_STORAGE__URL: `sqlite:${join(cwd, 'samples.db')}`,
    NEPHOSCOPE_COMPUTE__STATE_DIRECTORY: join(cwd, 'state'),
  };
  bus = new AmqpBus({ options: amqpOptions.parse({ url }), logger, clock: systemClock, host: 'test' });
  await bus.start(AbortSignal.timeout(20_000));
});
afterAll(async () => {
  await bus.stop();
  await rm(cwd, { recursive: true, force: true });
});

/** Creates a dead letter in each queue for each reason that the examples name. */
async function keepDeadLetter(): Promise<void> {
  for (const queue of [meteringTopology.queue, 'nephoscope.notifications']) {
    const name = `${queue}.of-examples`;
    const topology: QueueTopology =
      queue === meteringTopology.queue
        ? meteringTopology
        : { exchange: name, queue, bindings: ['#'], deadLetterQueue: `${queue}.dead` };
    await bus.declare(topology);
    let left = 3;
    const reasons = ['signature-wrong: x', 'unreadable: x', 'NOTIFICATION_FIELD: x'];
    await new Promise<void>((resolve, reject) => {
      const consuming = bus.consume(queue, { prefetch: 1 }, (delivery) => {
        if (left === 0) return;
        left -= 1;
        delivery.deadLetter(reasons[left] as string).then(() => {
          delivery.ack();
          if (left === 0) void consuming.then(({ cancel }) => cancel()).then(resolve, reject);
        }, reject);
      });
      for (let i = 0; i < 3; i++)
        void bus.publish({
          exchange: topology.exchange,
          routingKey: 'metering.x',
          contentType: 'text/plain',
          body: Buffer.from('x'),
        });
    });
  }
}

async function run(line: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const here = line
    .replaceAll('/etc/nephoscope/', `${cwd}/etc/`)
    .replaceAll('sqlite:/backup/', `sqlite:${cwd}/backup/`);
  const child = spawn('bash', ['-o', 'pipefail', '-c', here], {
    cwd,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { code, stdout, stderr };
}

/** The examples in a help text, with continued lines joined. */
function examplesOf(help: string): readonly string[] {
  const [, text = ''] = /^Examples?:\n(.*)/ms.exec(help) ?? [];
  return [...text.replaceAll(/\\\n\s*/g, '').matchAll(/^ {2}(nephoscope .*?)(?: {3,}\S.*)?$/gm)].map(
    ([, line]) => line as string,
  );
}

it("refuses the placeholder in the README's file, and nothing else", async () => {
  const { NEPHOSCOPE_SECRETS: _, ...others } = environment;
  const { code, stderr } = await start(cwd, ['config', 'check', '--config', config], others).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/has a mistake:\n {2}secrets: is a placeholder/);
});

it("accepts the README's file without its secret for dead letters, and an OpenStack configuration for every command", async () => {
  await keepDeadLetter();
  const { NEPHOSCOPE_SECRETS: _, ...others } = environment;
  const list = ['dead-letters', 'list', '--config', config];
  expect(await start(cwd, list, others).ended).toMatchObject({ code: 0, stderr: '' });

  const whole = join(cwd, 'openstack.yaml');
  await writeFile(
    whole,
    `source: mine
host: compute-1
log: { level: warn }
bus: { type: amqp }
inspector: { type: libvirt }
compute: { interval: 1m, discovery: libvirt }
central: { interval: 10m }
collector: { retention: 90d, signatures: [canonical] }
notifications: { topics: [notifications] }
storage: { type: sql }
status: { port: 0, names: [compute-1.example.org] }
openstack: { authUrl: 'http://controller:5000/v3', username: nephoscope, password: x, projectName: service, userDomainName: Default, projectDomainName: Default }
`,
    { mode: 0o600 },
  );
  await run(`nephoscope up --once --config ${config}`);
  for (const command of [
    ['config', 'check'],
    ['config', 'print'],
    ['plugins'],
    ['up', '--once'],
    ['samples'],
    ['meters'],
    ['resources'],
    ['verify'],
    ['send-counter', '--name', 'x', '--unit', 'W', '--volume', '1', '--resource', 'r'],
    ['dead-letters', 'list'],
    ['dead-letters', 'drop', '--reason', 'unreadable'],
  ]) {
    const result = await start(cwd, [...command, '--config', whole], environment).ended;
    expect({ command, ...result }).toMatchObject({ command, code: 0 });
  }
}, 120_000);

it('runs every example of every help text', async () => {
  await keepDeadLetter();
  expect(await run(`nephoscope up --once --config ${config}`)).toMatchObject({ code: 0 });
  await run(`cp samples.db backup/samples.db`);
  const commands = [
    '',
    'up',
    'samples',
    'meters',
    'resources',
    'usage',
    'statistics',
    'export',
    'verify',
    'plugins',
    'config',
    'config check',
    'config print',
    'config schema',
    'send-counter',
    'dead-letters',
    'dead-letters list',
    'dead-letters replay',
    'dead-letters drop',
  ];
  let examples = 0;
  for (const command of commands) {
    const { stdout } = await run(`nephoscope ${command} --help`);
    for (const line of examplesOf(stdout)) {
      examples += 1;
      if (line.includes('dead-letters')) await keepDeadLetter();
      const whole = line.replaceAll(/\bnephoscope (?!config schema)([^|>&]*)/g, (text) =>
        text.includes('--config') ? text : `${text.trimEnd()} --config ${config} `,
      );
      const live = /^nephoscope up(?!.*--once)/.test(line);
      const result = await run(live ? `timeout --preserve-status -s INT 6 ${whole}` : whole);
      expect({ line, ...result }).toMatchObject({
        line,
        code: 0,
        stderr: expect.not.stringContaining('No dead letter matches'),
      });
      await writeFile(join(cwd, 'new.yaml'), await readFile(config));
    }
  }
  expect(examples).toBeGreaterThan(25);
}, 300_000);
