import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

import { meteringContentType } from '@nephoscope/message';

import type { Refusal } from '../src/intake.js';
import { deadLettersOf as lettersOfDelivery } from '../src/dead-letters.js';

const deadLettersOf = (
  refusals: readonly Refusal[],
  body: Uint8Array = Buffer.from('whole'),
  compression?: string,
) => lettersOfDelivery(refusals, { body, compression, routingKey: 'metering.cpu' });

const refusal = (kind: Refusal['kind'], text: string): Refusal => ({
  kind,
  reason: `${kind}: why ${text.slice(0, 3)}`,
  bytes: Buffer.from(text),
  count: 1,
});

it('are one for each kind of refusal, with its lines unchanged', () => {
  const refusals = [refusal('unsigned', 'a'), refusal('unreadable', 'b'), refusal('unsigned', 'c')];
  expect(deadLettersOf(refusals)).toEqual([
    {
      reason: 'unsigned: why a (the first of 2)',
      part: { body: Buffer.from('a\nc\n'), contentType: meteringContentType },
    },
    { reason: 'unreadable: why b', part: { body: Buffer.from('b\n'), contentType: meteringContentType } },
  ]);
});

it('consist of the refused part, unchanged and with its content type, if only that was refused', () => {
  const one = refusal('unsigned', '{\n}');
  expect(deadLettersOf([one])).toEqual([{ reason: one.reason, part: { body: one.bytes } }]);
});

it('consist of the whole message if all of it was refused, or if one of several parts does not fit on a line', () => {
  expect(deadLettersOf([refusal('unsigned', 'a'), refusal('unreadable', '{\n}')])).toEqual([
    { reason: 'unsigned: why a (the first of 2)' },
  ]);
  expect(deadLettersOf([{ kind: 'unreadable', reason: 'unreadable: empty', count: 1 }])).toEqual([
    { reason: 'unreadable: empty' },
  ]);
});

it('together are hardly larger than the message, however short its lines are', () => {
  const refusals = Array.from({ length: 1_000 }, (_, n) => refusal(n % 2 ? 'unreadable' : 'unsigned', String(n)));
  const sizes = deadLettersOf(refusals).map(({ part, reason }) => part!.body.byteLength + reason.length);
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(
    100 + refusals.reduce((sum, { bytes }) => sum + bytes!.byteLength + 1, 0),
  );
});

const token = `gAAAAABl${'x'.repeat(60)}`;

it('of unreadable content contain no credentials, whether whole or by line, and are otherwise unchanged', () => {
  const frame = `{"oslo.message": "{\\"_context_auth_token\\": \\"${token}\\", \\"x\\": \\"\u00e9\\""`;
  const [deadLetter] = deadLettersOf([whole], Buffer.from(frame));
  expect(Buffer.from(deadLetter!.part!.body).toString()).toBe(frame.replace(token, '[secret]'));
  expect(deadLettersOf([whole], Buffer.from('{"a": 1'))).toEqual([{ reason: whole.reason }]);
  const lines = deadLettersOf([refusal('unreadable', frame), refusal('unsigned', token)], Buffer.from(frame));
  expect(lines.map(({ part }) => Buffer.from(part!.body).toString())).toEqual([
    `${frame.replace(token, '[secret]')}\n`,
    // A metering message that can be signed again is kept unchanged.
    `${token}\n`,
  ]);
});

const whole: Refusal = { kind: 'unreadable', reason: 'unreadable: why', count: 1 };
const mebibyte = 1024 * 1024;
const described = (body: Uint8Array, compression?: string) => ({
  ...{ size: body.byteLength, sha256: createHash('sha256').update(body).digest('hex') },
  ...(compression !== undefined && { compression }),
  ...{ routing_key: 'metering.cpu', reason: 'unreadable: why' },
});

it.each([
  ['larger than the search limit', Buffer.alloc(2 * mebibyte, `{"auth_token": "${token}"`), undefined],
  ['compressed', gzipSync(`{"auth_token": "${token}"`).subarray(0, -4), 'application/x-gzip'],
])('of unreadable content (%s) are a description that quotes none of it', (_, body, compression) => {
  const [deadLetter, ...more] = deadLettersOf([whole], body, compression);
  expect(more).toEqual([]);
  expect(deadLetter).toMatchObject({ reason: whole.reason, part: { contentType: 'application/json' } });
  expect(JSON.parse(Buffer.from(deadLetter!.part!.body).toString())).toEqual(described(body, compression));
});

it.each([
  ['was compressed in a way that a later version may support', [whole], Buffer.from('x'), 'lzma'],
  ['may have been signed with a secret that was lost', [{ ...whole, kind: 'signature-wrong' as const }]],
  ['has parts that can be signed again', [whole, refusal('unsigned', '{\n}')], Buffer.alloc(2 * mebibyte)],
])(
  'of a message that %s consist of all of it, unchanged',
  (_, refusals, body = Buffer.alloc(2 * mebibyte), compression?: string) => {
    expect(deadLettersOf(refusals, body, compression)).toEqual([
      { reason: expect.stringContaining(refusals[0]!.reason) },
    ]);
  },
);

it('of unreadable lines of a large message contain no credentials either', () => {
  const [short, long] = [`{"auth_token": "${token}"`, `{"auth_token": "${'x'.repeat(mebibyte)}"`];
  const why = { kind: 'unreadable', reason: 'unreadable: why', count: 1 } as const;
  const refusals = [short, long, short].map((text) => ({ ...why, bytes: Buffer.from(text) }));
  const [deadLetter] = deadLettersOf(refusals, Buffer.alloc(2 * mebibyte));
  const lines = Buffer.from(deadLetter!.part!.body).toString().trimEnd().split('\n');
  expect([lines[0], lines[2]]).toEqual(['{"auth_token": "[secret]"', '{"auth_token": "[secret]"']);
  expect(JSON.parse(lines[1]!)).toEqual(described(Buffer.from(long)));
});
