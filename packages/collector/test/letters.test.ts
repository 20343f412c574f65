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
