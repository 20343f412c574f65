import { gzipSync } from 'node:zlib';

import type { DeadLetter } from '@nephoscope/core/message-bus';
import { FakeBus } from '@nephoscope/testing';

import { readDeadLetters, settleDeadLetters } from '../src/dead-letter-sweeps.js';
import { deadLetterLine, describeDeadLetter, publisherOf, uncompressed } from '../src/dead-letter-text.js';

const never = new AbortController().signal;
const deadLetter = (body: string | Uint8Array, reason?: string): DeadLetter => ({
  body: Buffer.from(body),
  contentType: 'application/json',
  reason,
  at: '2026-11-22T21:00:00.000Z',
  routingKey: 'metering.cpu',
});
const bodies = (deadLetters: readonly DeadLetter[]) => deadLetters.map(({ body }) => Buffer.from(body).toString());

describe('sweeping dead letters', () => {
  let bus: FakeBus;
  const left = () => bodies(bus.deadLetters.get('metering') ?? []);

  beforeEach(() => {
    bus = new FakeBus();
    bus.deadLetters.set('metering', [
      deadLetter('1', 'not signed'),
      deadLetter('2'),
      deadLetter('3', 'no JSON'),
      deadLetter('4', 'no JSON'),
    ]);
  });

  it.each([
    [{}, ['1', '2', '3', '4']],
    [{ limit: 2 }, ['3', '4']],
    [{ limit: 2, oldest: true }, ['1', '2']],
    [{ limit: 9 }, ['1', '2', '3', '4']],
  ])('reads %j', async (options, expected) => {
    expect(bodies(await readDeadLetters(bus, 'metering', options, never))).toEqual(expected);
    expect(left()).toEqual(['1', '2', '3', '4']);
  });

  it.each([
    [{}, { settled: 4, left: 0 }, []],
    [{ reason: 'JSON' }, { settled: 2, left: 2 }, ['1', '2']],
    [{ reason: 'JSON', limit: 1 }, { settled: 1, left: 3 }, ['1', '2', '4']],
    [{ limit: 3 }, { settled: 3, left: 1 }, ['4']],
    [{ reason: 'unheard of' }, { settled: 0, left: 4 }, ['1', '2', '3', '4']],
  ])('drops %j', async (filter, expected, remaining) => {
    const progress = { seen: 0, matching: 0 };
    expect(await settleDeadLetters(bus, 'metering', 'drop', filter, progress, never)).toEqual(expected);
    expect(progress).toEqual({ seen: 4, matching: expected.settled });
    expect(left()).toEqual(remaining);
    expect(bus.waiting).toEqual([]);
  });

  it('replays into the queue', async () => {
    await settleDeadLetters(bus, 'metering', 'replay', { reason: 'JSON' }, { seen: 0, matching: 0 }, never);
    expect(bus.waiting.map(({ queue, contentType }) => [queue, contentType])).toEqual([
      ['metering', 'application/json'],
      ['metering', 'application/json'],
    ]);
    expect(bodies(bus.waiting.map((delivery) => ({ ...deadLetter(''), body: delivery.body })))).toEqual([
      '3',
      '4',
    ]);
  });
});

describe('the description of a dead letter', () => {
  const sample =
    '{"counter_name": "cpu", "resource_id": "5f3c", "message_id": "0a1b", "counter_volume": 9007199254740993}';

  it.each([
    [sample, 'cpu of 5f3c (0a1b)'],
    [`${sample}\n${sample}\nrubbish\n`, 'cpu of 5f3c (0a1b) and 2 more'],
    [
      JSON.stringify({ 'oslo.message': '{"event_type": "image.update", "publisher_id": "image.host"}' }),
      'image.update of image.host',
    ],
    ['{"event_type": "x", "publisher_id": 5}', 'x'],
    ['{"counter_name": 5}', '{"counter_name": 5}'],
    ['[1', '[1'],
    ['', '(empty)'],
    [Uint8Array.of(0xff, 0xfe), '(not UTF-8)'],
    ['x'.repeat(100), `${'x'.repeat(60)}…`],
  ])('%j', (body, expected) => {
    expect(describeDeadLetter(deadLetter(body))).toBe(expected);
  });

  const from = (publisher: unknown) => JSON.stringify({ counter_name: 'cpu', publisher_id: publisher });
  it.each([
    ['one sample', from('compute.host-1/a1'), 'compute.host-1/a1'],
    ['several samples of one publisher', `${from('a')}\n${from('a')}\n`, 'a'],
    ['samples of several publishers', `rubbish\n${from('a')}\n${from('b')}\n${from('c')}\n`, 'a and 2 more'],
    ['a notification', JSON.stringify({ 'oslo.message': from('image.host') }), 'image.host'],
    ['one that is too large to be searched', `${from('a')}\n${'Ü'.repeat(600_000)}`, 'a'],
    ['nobody', sample, undefined],
    ['a publisher that is not a string', from(5), undefined],
    ['text that is not JSON', '[1', undefined],
    ['bytes that are not UTF-8', Uint8Array.of(0xff), undefined],
  ])('shows the publisher: %s', (_, body, expected) => {
    expect(publisherOf(deadLetter(body))).toBe(expected);
  });

  it('is one line of JSON with the contents byte for byte', async () => {
    expect(JSON.parse(await deadLetterLine(deadLetter('\ufeff{"a":\n1}', 'why')))).toEqual({
      at: '2026-11-22T21:00:00.000Z',
      reason: 'why',
      publisher: null,
      routing_key: 'metering.cpu',
      content_type: 'application/json',
      bytes: 11,
      body: '\ufeff{"a":\n1}',
    });
    const binary: DeadLetter = {
      body: Uint8Array.of(0xff),
      contentType: undefined,
      compression: 'application/x-gzip',
      reason: undefined,
      at: undefined,
      routingKey: undefined,
    };
    expect(JSON.parse(await deadLetterLine(binary))).toEqual({
      at: null,
      reason: null,
      publisher: null,
      routing_key: null,
      content_type: null,
      compression: 'application/x-gzip',
      bytes: 1,
      body_base64: '/w==',
    });
  });
});

it('shows the contents of a compressed one, if it can be decompressed', async () => {
  const text = '{"counter_name":"cpu","resource_id":"vm","publisher_id":"compute.a"}';
  const compressed = { ...deadLetter(gzipSync(text)), compression: 'application/x-gzip' };
  const readable = await uncompressed(compressed);
  expect([publisherOf(readable), describeDeadLetter(readable)]).toEqual(['compute.a', 'cpu of vm']);
  expect(JSON.parse(await deadLetterLine(compressed))).toMatchObject({
    publisher: 'compute.a',
    body_base64: Buffer.from(compressed.body).toString('base64'),
  });
  const damaged = { ...compressed, body: compressed.body.subarray(0, 20) };
  expect(await uncompressed(damaged)).toBe(damaged);
});
