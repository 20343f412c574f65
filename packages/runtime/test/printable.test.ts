import { escaped, printable } from '../src/printable.js';

it('returns a single line in which nothing moves the cursor or changes the writing direction', () => {
  expect(printable('a\u0000\u001b[2J\r\n\t\u009b\u202e\u2069\u{e0001}\ud800b ü 中 \u{1f600}')).toBe(
    'a\ufffd\ufffd[2J\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffdb ü 中 \u{1f600}',
  );
});

it('returns several lines as JSON escapes them', () => {
  expect(escaped('{"a": "\u0085\u202e"}\n\t\u{e0001}\ud800 ü\r')).toBe(
    '{"a": "\\u0085\\u202e"}\n\t\\udb40\\udc01\\ud800 ü\\u000d',
  );
});
