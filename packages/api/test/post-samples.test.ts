import { NephoscopeError } from '@nephoscope/core';
import type { SampleReader } from '@nephoscope/core/sample-store';
import { createVerifier, readMeteringMessage } from '@nephoscope/message';
import { FakeBus, FakeClock, RecordingLogger, fakeStartMonotonic } from '@nephoscope/testing';
import type { FastifyInstance } from 'fastify';

import { callerOf } from '../src/access/roles.js';
import { loopbackCaller } from '../src/access/caller.js';
import type { Caller } from '../src/access/caller.js';
import { apiOptions } from '../src/options.js';
import { createServer, listen } from '../src/server.js';
import { publisherOn, secret } from './publisher.js';
import { Stores } from './store.js';

const stores = new Stores();
const bus = new FakeBus();
const logger = new RecordingLogger();
const verifier = createVerifier({ secrets: [secret] });
let reader: SampleReader;
let server: FastifyInstance;
let url: string;
let caller: Caller = loopbackCaller;

beforeAll(async () => {
  await stores.prepare();
  reader = await stores.reader([]);
  server = createServer({
    options: apiOptions.parse({}),
    reader,
    publisher: publisherOn(bus),
    logger,
    authenticate: () => caller,
  });
  url = await listen(server, { address: '127.0.0.1', port: 0 });
});
beforeEach(() => {
  caller = loopbackCaller;
  bus.answer = () => Promise.resolve();
  bus.confirmed.splice(0);
});
afterAll(async () => {
  await server.close();
  await reader.stop();
  stores.remove();
});

const member = callerOf({
  kind: 'keystone',
  name: 'm',
  userId: 'user-m',
  roles: ['member'],
  on: { project: 'project-m' },
});

const sample = {
  counter_name: 'fruit',
  counter_type: 'gauge',
  counter_unit: 'piece',
  counter_volume: 1.5,
  resource_id: 'basket',
};

async function post(body: unknown, { type = 'application/json', path = '/v2/meters/fruit', accept = '*/*' } = {}) {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': type, accept },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

/** The samples on the bus, verified. */
const sent = () =>
  bus.confirmed
    .flatMap(({ body }) => Buffer.from(body).toString().trim().split('\n'))
    .map((line) => {
      const read = readMeteringMessage(line);
      expect(verifier.verify(read.message)).toBe('verified');
      return read.sample;
    });

it('sends signed samples over the bus, with omitted fields filled in', async () => {
  caller = member;
  const { status, text } = await post([
    sample,
    {
      ...sample,
      timestamp: '2026-10-01T12:00:00+02:00',
      source: 'garden',
      resource_metadata: { 'tree.kind': 'apple', 'tree.age': '7', where: 'south' },
    },
  ]);
  expect(status).toBe(201);
  const [one, other] = sent();
  expect(JSON.parse(text)).toEqual([
    expect.objectContaining({
      ...{ ...sample, source: 'project-m:openstack', project_id: 'project-m', user_id: 'user-m' },
      ...{ message_id: one?.messageId, recorded_at: null, resource_metadata: {} },
    }),
    expect.objectContaining({
      ...{ source: 'project-m:garden', timestamp: '2026-10-01T10:00:00', message_id: other?.messageId },
      resource_metadata: { 'tree.kind': 'apple', 'tree.age': '7', where: 'south' },
    }),
  ]);
  expect(other).toMatchObject({
    ...{ meter: 'fruit', volume: '1.5', projectId: 'project-m', publisherId: 'api.tests', sequence: null },
    text: expect.stringContaining('"resource_metadata":{"tree":{"kind":"apple","age":"7"},"where":"south"}'),
  });
  expect(bus.declared).toHaveLength(1);
});

it('keeps every digit', async () => {
  for (const digits of ['12345678901234567890.123456789', '1e-30', '-0.10'])
    expect((await post(JSON.stringify([sample]).replace('1.5', digits))).status).toBe(201);
  expect(sent().map(({ volume }) => volume)).toEqual(['12345678901234567890.123456789', '1e-30', '-0.10']);
});

it('a repeated request has the same samples if they have times; equal samples in one request are separate', async () => {
  const timed = { ...sample, timestamp: '2026-10-01T12:00:00' };
  const replies = [await post([timed, timed, sample]), await post([timed, timed, sample])];
  const [first, second] = replies.map(({ text }) =>
    (JSON.parse(text) as { message_id: string }[]).map(({ message_id: id }) => id),
  ) as [string[], string[]];
  expect(first.slice(0, 2)).toEqual(second.slice(0, 2));
  expect(new Set([...first, ...second]).size).toBe(4);
});

it('accepts XML, and answers in XML', async () => {
  const members = Object.entries(sample).map(([name, value]) => `<${name}>${value}</${name}>`);
  const metadata = '<resource_metadata><item><key>a.b</key><value>1 &amp; 2</value></item></resource_metadata>';
  const { status, text } = await post(
    `<?xml version="1.0"?><samples><item>${members.join('')}<user_id nil="true"/>${metadata}</item></samples>`,
    { type: 'application/xml', accept: 'application/xml' },
  );
  expect([status, text]).toEqual([
    201,
    expect.stringContaining(
      '<resource_metadata><item><key>a.b</key><value>1 &amp; 2</value></item></resource_metadata>',
    ),
  ]);
  expect(text).toMatch(/^<result><item><counter_volume>1.5<\/counter_volume>.*<user_id nil="true" \/>/);
  expect(sent()).toMatchObject([{ volume: '1.5', userId: null, source: 'openstack' }]);
});

describe.each(['cumulative', 'delta', 'gauge'])('a posted %s volume', (type) => {
  const texts = (volume: string) => [
    JSON.stringify([{ ...sample, counter_type: type, timestamp: '2026-10-01' }]).replace('1.5', volume),
    // As a text, the way XML has it.
    JSON.stringify([{ ...sample, counter_type: type, counter_volume: volume, timestamp: '2026-10-01' }]),
  ];

  it.each(['1e999999999', '-1e999999999', '1e100000', '1e-999', '1e400', `0.${'0'.repeat(499)}1`])(
    'of %s is refused with the reason',
    async (volume) => {
      for (const text of texts(volume))
        expect(await post(text)).toEqual({
          status: 400,
          text: expect.stringMatching(
            /attribute counter_volume\..* more than 400 digits before or after the point/,
          ),
        });
      expect(bus.confirmed).toEqual([]);
    },
  );

  it.each(['-0', '1E+5', '1e30', '1e-30', '1.7976931348623157e308', '5e-324', '9'.repeat(400)])(
    'of %s is taken',
    async (volume) => {
      for (const text of texts(volume)) expect((await post(text)).status).toBe(201);
      expect(sent()).toMatchObject([{ volume }, { volume }]);
    },
  );
});

it('takes times up to a day ahead of its clock, and refuses later ones', async () => {
  const ahead = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
  for (const timestamp of [ahead(23.9), ahead(-24 * 3_650), '1700-01-01'])
    expect((await post([{ ...sample, timestamp }])).status).toBe(201);
  bus.confirmed.splice(0);
  for (const timestamp of [ahead(24.1), '2200-01-01', '9999-12-31'])
    expect(await post([sample, { ...sample, timestamp }])).toEqual({
      status: 400,
      text: expect.stringContaining('more than a day ahead of the time of this server'),
    });
  expect(bus.confirmed).toEqual([]);
});

it.each([
  ['[]', 'Samples should be included in request body'],
  ['', 'Samples should be included in request body'],
  ['{', 'not in valid JSON format'],
  ['{}', 'Value not a valid list'],
  ['[1]', 'Value not a valid sample'],
  [[{ ...sample, message_id: 'mine' }], 'The message_id must not be set'],
  [[{ ...sample, counter_name: 'meat' }], "attribute counter_name. Value: 'meat'. should be fruit"],
  [[{ ...sample, counter_type: 'rate' }], 'The counter type must be: cumulative, delta, gauge'],
  [[{ ...sample, counter_volume: 'much' }], 'a number is expected'],
  [[{ ...sample, counter_volume: true }], 'a number is expected'],
  [[{ ...sample, counter_volume: null }], 'Mandatory field missing'],
  [[{ ...sample, resource_id: undefined }], 'Mandatory field missing'],
  [[{ ...sample, resource_id: '' }], 'It must not be empty'],
  [[{ ...sample, resource_id: 5 }], 'a text is expected'],
  [[{ ...sample, colour: 'red' }], 'Unknown attribute for argument samples: colour'],
  [[{ ...sample, timestamp: 'noon' }], 'invalid timestamp format'],
  [[{ ...sample, timestamp: '0001-01-01' }], 'cannot be recorded'],
  [[{ ...sample, resource_metadata: { a: 1 } }], 'a text is expected'],
  [[{ ...sample, resource_metadata: { a: '1', 'a.b': '2' } }], "has both 'a' and 'a.b'"],
  [[sample, { ...sample, counter_type: 'rate' }], 'The counter type must be'],
])('refuses %j', async (body, message) => {
  expect(await post(body)).toEqual({ status: 400, text: expect.stringContaining(message) });
  expect(bus.confirmed).toEqual([]);
});

it.each([
  '<samples><item>',
  '<!DOCTYPE a [<!ENTITY b "c">]><samples><item><counter_name>&b;</counter_name></item></samples>',
  '<!DOCTYPE a SYSTEM "file:///etc/passwd"><samples/>',
  '<samples><item><counter_name>&undeclared;</counter_name></item></samples>',
  '<samples><item><counter_name>a</counter_name><counter_name>b</counter_name></item></samples>',
  `${'<a>'.repeat(5_000)}`,
])('refuses malformed XML, and XML that declares entities (%#)', async (body) => {
  const { status, text } = await post(body, { type: 'text/xml' });
  expect([status, text]).toEqual([400, expect.stringContaining('error_message')]);
});

it('a member posts only for its own project, and a reader not at all', async () => {
  caller = member;
  expect(await post([{ ...sample, project_id: 'project-x' }])).toEqual({
    status: 400,
    text: expect.stringContaining('can not post samples to other projects'),
  });
  caller = { ...member, role: 'reader' };
  expect((await post([sample])).status).toBe(403);
  expect(bus.confirmed).toEqual([]);
});

it('refuses samples if there is no bus', async () => {
  const options = apiOptions.parse({});
  const other = createServer({ options, reader, logger, authenticate: () => loopbackCaller });
  const address = await listen(other, { address: '127.0.0.1', port: 0 });
  const response = await fetch(`${address}/v2/meters/fruit`, {
    method: 'POST',
    body: JSON.stringify([sample]),
    headers: { 'content-type': 'application/json' },
  });
  expect(response.status).toBe(501);
  await other.close();
});

it('publishes where it may not declare the queue', async () => {
  const refusing = new FakeBus();
  refusing.declare = () => Promise.reject(new NephoscopeError('BUS_REFUSED', 'may not'));
  await publisherOn(refusing).publish('fruit', ['{}'], new AbortController().signal);
  expect(refusing.confirmed).toHaveLength(1);
});

it('answers 503 with advice if the bus does not confirm', async () => {
  bus.answer = () => Promise.reject(new NephoscopeError('BUS_UNAVAILABLE', 'gone: /secret'));
  expect(await post([sample])).toEqual({ status: 503, text: expect.stringContaining('Repeat the request') });
});

it('with direct=True it answers when the samples can be read', async () => {
  const writer = await stores.writer();
  let isRecorded = false;
  bus.answer = (message) => {
    const lines = Buffer.from(message.body).toString().trim().split('\n');
    setTimeout(() => {
      isRecorded = true;
      void writer.record(lines.map((line) => readMeteringMessage(line).sample));
    }, 200);
    return Promise.resolve();
  };
  const { status, text } = await post([sample], { path: '/v2/meters/fruit?direct=True' });
  expect([status, isRecorded]).toEqual([201, true]);
  const [{ message_id: id }] = JSON.parse(text) as [{ message_id: string }];
  expect((await fetch(`${url}/v2/samples/${id}`)).status).toBe(200);
  await writer.stop();
});

it('with direct=True it says where samples are that no collector records', async () => {
  const clock = new FakeClock();
  const options = apiOptions.parse({});
  const publisher = { ...publisherOn(bus), clock };
  const other = createServer({ options, reader, publisher, logger, authenticate: () => loopbackCaller });
  const address = await listen(other, { address: '127.0.0.1', port: 0 });
  const asked = fetch(`${address}/v2/meters/fruit?direct=True`, {
    method: 'POST',
    body: JSON.stringify([sample]),
    headers: { 'content-type': 'application/json' },
  });
  let isAnswered = false;
  void asked.then(() => (isAnswered = true));
  while (!isAnswered) await clock.advance(1_000);
  const response = await asked;
  expect([response.status, await response.text()]).toEqual([
    503,
    expect.stringContaining('among its dead letters'),
  ]);
  expect(clock.monotonic() - fakeStartMonotonic).toBeGreaterThanOrEqual(10_000_000_000n);
  expect(bus.confirmed).toHaveLength(1);
  await other.close();
});
