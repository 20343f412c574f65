import { createHmac } from 'node:crypto';

import { Secret } from '@nephoscope/core/options';

import { createSigner, lastReadingMessage, lastReadingReader, lastReadingSigner } from '../src/index.js';

const secret = new Secret('a secret of the tests');
const request = {
  instance: '3120e7d5-e00e-49be-ae94-66941c18bbc2',
  reason: 'delete.start',
  announced: '2026-11-22 21:55:33.535900',
};
const start = 1_795_381_200_000_000_000n;
let time = 0n;
const clock = { now: () => start + time, monotonic: () => time };
beforeEach(() => void (time = 0n));

const second = 1_000_000_000n;
const sign = lastReadingSigner(secret, clock);
const signed = () => sign('node-1', request);
const fieldsOf = (body: Uint8Array) => JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>;
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const changed = (fields: Record<string, unknown>) => bytes({ ...fieldsOf(signed().body), ...fields });

it('is addressed to the host, and signed in the canonical form with a key that is used for nothing else', () => {
  const { exchange, routingKey, contentType, body } = signed();
  expect([exchange, routingKey, contentType]).toEqual(['ceilometer', 'last-reading.node-1', 'application/json']);
  const { signature, nonce, ...fields } = fieldsOf(body);
  const name = createSigner({ secret, form: 'canonical' }).key as string;
  const sent = '2026-11-22T21:00:00.000000+00:00';
  expect(fields).toEqual({ ...request, host: 'node-1', sent, signature_key: name });
  const label = Buffer.concat([Buffer.of(0xff), Buffer.from('nephoscope request for a last reading 1')]);
  const key = createHmac('sha256', secret.reveal()).update(label).digest();
  const text =
    'o7:s9:announceds26:2026-11-22 21:55:33.535900s4:hosts6:node-1s8:instances36:3120e7d5-e00e-49be-ae94-66941c18bbc2' +
    `s5:nonces36:${nonce as string}s6:reasons12:delete.starts4:sents32:${sent}s13:signature_keys28:${name}`;
  expect(signature).toBe(createHmac('sha256', key).update(text).digest('hex'));
  expect(lastReadingReader('node-1', [new Secret('old'), secret], clock)(body)).toEqual({
    kind: 'signed',
    request,
  });
});

it('without a signature has the three members that agents of the previous version accept', () => {
  const { routingKey, body } = lastReadingMessage('node-1', { ...request, announced: 'x'.repeat(100) });
  expect(routingKey).toBe('compute.node-1');
  expect(fieldsOf(body)).toEqual({ ...request, announced: 'x'.repeat(64) });
  expect(lastReadingReader('node-1', [secret], clock)(body)).toMatchObject({ kind: 'unsigned' });
});

it.each([
  ['another instance', { instance: '3120e7d5-e00e-49be-ae94-66941c18bbc3' }],
  ['another reason', { reason: 'deleting' }],
  ['another time', { sent: '2026-11-22T21:00:00.000001+00:00' }],
  ['another nonce', { nonce: '3120e7d5-e00e-49be-ae94-66941c18bbc3' }],
  ['another host', { host: 'node-2' }],
  ['another signature', { signature: '0'.repeat(64) }],
  ['another key', { signature_key: 'hmac-sha256:0123456789abcdef' }],
  ['a scheme of a later version', { signature_key: 'ed25519:1', signature: 'c2lnbmVk' }],
])('whose member was changed to %s has a wrong signature', (_, fields) => {
  expect(lastReadingReader('node-1', [secret], clock)(changed(fields)).kind).toBe('wrong');
});

it('for another host has a wrong signature', () => {
  expect(lastReadingReader('node-2', [secret], clock)(signed().body).kind).toBe('wrong');
});

it.each([-61n, 61n])('is not accepted %d s later', (seconds) => {
  const { body } = signed();
  time = seconds * second;
  expect(lastReadingReader('node-1', [secret], clock)(body).kind).toBe('untimely');
});

it('is accepted once within its time', () => {
  const read = lastReadingReader('node-1', [secret], clock);
  const { body } = signed();
  const kinds = [0n, 30n, 60n, 61n, 121n].map((seconds) => {
    time = seconds * second;
    return read(body).kind;
  });
  expect(kinds).toEqual(['signed', 'replayed', 'replayed', 'untimely', 'untimely']);
  time = 0n;
  for (let more = 0; more < 11_000; more += 1) expect(read(signed().body).kind).toBe('signed');
});

it.each([
  ['text that is not JSON', 'no JSON'],
  ['null', null],
  ['a list', []],
  ['an invalid instance id', { ...request, instance: 'instance-1' }],
  ['a reason with blanks', { ...request, reason: 'because it ends' }],
  ['a time that is not a string', { ...request, announced: 5 }],
  ['a long time', { ...request, announced: 'x'.repeat(65) }],
  ['an additional member', { ...request, more: 1 }],
  ['a missing member', { instance: request.instance, reason: request.reason }],
  ['more than 2 KiB', JSON.stringify(request) + ' '.repeat(2_048)],
  ['an invalid signature', { ...request, host: 'node-1', nonce: request.instance, sent: '', signature: 'x' }],
  ['a signature without a nonce', { ...request, host: 'node-1', sent: '', signature: '0'.repeat(64) }],
])('cannot be read if it is or has %s', (_, value) => {
  expect(lastReadingReader('node-1', [secret], clock)(bytes(value)).kind).toBe('unreadable');
});

it('that names no key is verified with each secret', () => {
  const { signature: _, signature_key: __, ...fields } = fieldsOf(signed().body);
  const label = Buffer.concat([Buffer.of(0xff), Buffer.from('nephoscope request for a last reading 1')]);
  const key = createHmac('sha256', secret.reveal()).update(label).digest();
  const sorted = Object.entries(fields as Record<string, string>).sort(([one], [other]) => (one < other ? -1 : 1));
  const text = `o6:${sorted.map(([name, value]) => `s${name.length}:${name}s${value.length}:${value}`).join('')}`;
  const signature = createHmac('sha256', key).update(text).digest('hex');
  const read = lastReadingReader('node-1', [new Secret('old'), secret], clock);
  expect(read(bytes({ ...fields, signature })).kind).toBe('signed');
});

it('that is signed is invalid with an additional member', () => {
  expect(lastReadingReader('node-1', [secret], clock)(changed({ more: 1 })).kind).toBe('unreadable');
});
