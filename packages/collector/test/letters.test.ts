import { meteringContentType } from '@nephoscope/core';

import type { Refusal } from '../src/intake.js';
import { lettersOf } from '../src/letters.js';

const refusal = (kind: Refusal['kind'], text: string): Refusal => ({
  kind,
  reason: `${kind}: why ${text.slice(0, 3)}`,
  bytes: Buffer.from(text),
  count: 1,
});

it('are one for each kind of refusal, line by line as it came', () => {
  const refusals = [refusal('unsigned', 'a'), refusal('unreadable', 'b'), refusal('unsigned', 'c')];
  expect(lettersOf(refusals)).toEqual([
    {
      reason: 'unsigned: why a (the first of 2)',
      part: { body: Buffer.from('a\nc\n'), contentType: meteringContentType },
    },
    { reason: 'unreadable: why b', part: { body: Buffer.from('b\n'), contentType: meteringContentType } },
  ]);
});

it('is the one that was refused, as it came and of its content type, where there are no others', () => {
  const one = refusal('unsigned', '{\n}');
  expect(lettersOf([one])).toEqual([{ reason: one.reason, part: { body: one.bytes } }]);
});

it('is the whole message where a part of several cannot stand in a line, or the whole was refused', () => {
  expect(lettersOf([refusal('unsigned', 'a'), refusal('unreadable', '{\n}')])).toEqual([
    { reason: 'unsigned: why a (the first of 2)' },
  ]);
  expect(lettersOf([{ kind: 'unreadable', reason: 'unreadable: empty', count: 1 }])).toEqual([
    { reason: 'unreadable: empty' },
  ]);
});

it('together are hardly larger than what came, however short its lines', () => {
  const refusals = Array.from({ length: 1_000 }, (_, n) => refusal(n % 2 ? 'unreadable' : 'unsigned', String(n)));
  const sizes = lettersOf(refusals).map(({ part, reason }) => part!.body.byteLength + reason.length);
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(
    100 + refusals.reduce((sum, { bytes }) => sum + bytes!.byteLength + 1, 0),
  );
});

const token = `gAAAAABl${'x'.repeat(60)}`;

it('of what nobody could read hold no credentials, whole or in lines, and all else as it came', () => {
  const frame = `{"oslo.message": "{\\"_context_auth_token\\": \\"${token}\\", \\"x\\": \\"\u00e9\\""`;
  const whole: Refusal = { kind: 'unreadable', reason: 'unreadable: no JSON', count: 1 };
  const [letter] = lettersOf([whole], Buffer.from(frame));
  expect(Buffer.from(letter!.part!.body).toString()).toBe(frame.replace(token, '[secret]'));
  expect(lettersOf([whole], Buffer.from('{"a": 1'))).toEqual([{ reason: whole.reason }]);
  const lines = lettersOf([refusal('unreadable', frame), refusal('unsigned', token)], Buffer.from(frame));
  expect(lines.map(({ part }) => Buffer.from(part!.body).toString())).toEqual([
    `${frame.replace(token, '[secret]')}\n`,
    // A metering message that somebody may sign again is kept as it is.
    `${token}\n`,
  ]);
});
