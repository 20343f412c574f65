import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { AmqpBus, amqpOptions } from '@nephoscope/bus-amqp';
import type { QueueTopology } from '@nephoscope/core/message-bus';
import { systemClock } from '@nephoscope/runtime';

import { nephoscope } from './command.js';
import { waitUntil } from '../../../tools/testbed/processes.js';

const url = process.env['TESTBED_AMQP_URL'] ?? '';
const ignore = () => undefined;
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

let cwd: string;
let queue: string;
let bus: AmqpBus;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'nephoscope-dead-letters-'));
  await writeFile(join(cwd, 'test.yaml'), JSON.stringify({ bus: { type: 'amqp', url } }));
  bus = new AmqpBus({ options: amqpOptions.parse({ url }), logger, clock: systemClock, host: 'test' });
  await bus.start(AbortSignal.timeout(20_000));
});
afterAll(async () => {
  await bus.stop();
  await rm(cwd, { recursive: true, force: true });
});

const run = (...args: readonly string[]) => nephoscope(cwd, 'dead-letters', ...args, '--config', 'test.yaml');

/** Creates dead letters of these, each with its own reason. */
async function keepDeadLetter(...texts: readonly string[]): Promise<void> {
  queue = `test-${randomUUID()}`;
  const topology: QueueTopology = { exchange: queue, queue, bindings: ['#'], deadLetterQueue: `${queue}.dead` };
  await bus.declare(topology);
  const set: Promise<void>[] = [];
  const { cancel } = await bus.consume(queue, { prefetch: 10 }, (delivery) => {
    const text = Buffer.from(delivery.body).toString();
    set.push(delivery.deadLetter(`wrong: ${text}`).then(() => delivery.ack()));
  });
  for (const text of texts) {
    const body = Buffer.from(text);
    await bus.publish({ exchange: queue, routingKey: 'metering.cpu', contentType: 'text/plain', body });
    await waitUntil(`'${text}' is delivered`, () => set.length > 0);
    await set.shift();
  }
  await cancel();
}

it('lists, replays and drops', async () => {
  await keepDeadLetter('one', 'two\u001b[31m', 'three');
  const table = await run('list', queue);
  expect(table).toMatchObject({ code: 0, stderr: '' });
  const lines = table.stdout.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^SET ASIDE +REASON +PUBLISHER +ROUTING KEY +BYTES +CONTENT$/);
  expect(lines[1]).toMatch(/^\d{4}-[\d-]+T[\d:.]+Z +wrong: one +metering\.cpu +3 +one$/);
  expect(lines[2]).toContain('two\ufffd[31m');

  const json = await run('list', queue, '--json', '--limit', '1');
  expect(JSON.parse(json.stdout)).toMatchObject({ reason: 'wrong: three', body: 'three', bytes: 5 });

  expect(await run('replay', queue, '--reason', 'one')).toMatchObject({ code: 0, stdout: '1 replayed, 2 left\n' });
  const back = new Promise<string>((resolve) => {
    void bus.consume(queue, { prefetch: 1 }, (delivery) => {
      delivery.ack();
      resolve(Buffer.from(delivery.body).toString());
    });
  });
  expect(await back).toBe('one');

  expect(await run('drop', queue)).toMatchObject({ code: 1, stderr: expect.stringContaining('--reason') });
  expect(await run('drop', queue, '--all')).toMatchObject({ code: 1, stderr: expect.stringContaining('--yes') });
  expect(await run('drop', queue, '--limit', '1')).toMatchObject({ code: 0, stdout: '1 dropped, 1 left\n' });
  expect(await run('drop', queue, '--all', '--yes')).toMatchObject({ code: 0, stdout: '1 dropped, 0 left\n' });
  for (const command of ['list', 'replay']) {
    const none = await run(command, queue);
    expect(none).toEqual({ code: 0, stdout: '', stderr: `There are no dead letters of '${queue}'.\n` });
  }
}, 60_000);

it('reports that a queue does not exist, and creates none', async () => {
  const name = `test-${randomUUID()}`;
  for (let i = 0; i < 2; i++)
    expect(await run('list', name)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`no queue '${name}.dead'`),
    });
}, 30_000);

it('reports that an in-process bus has no dead letters to sweep', async () => {
  await writeFile(join(cwd, 'memory.yaml'), JSON.stringify({ bus: { type: 'memory' } }));
  const result = await nephoscope(cwd, 'dead-letters', 'list', '--config', 'memory.yaml');
  expect(result).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining("bus.type is 'memory'") });
}, 30_000);
