import { mayHoldSecret } from '../../src/notifications/credentials.js';

it.each([
  ['gAAAAABkkkkkkkkkkkkkkkkk', true],
  ['eyJhbGciOiJI.eyJzdWIiOiIx', true],
  ['Bearer%22eyJhbGciOiJI.eyJzdWIiOiIx', true],
  [`${'x'.repeat(40)}.aaaaaaaaeyJhbGciOiJI.eyJzdWIiOiIx`, true],
  ['eyJhbGc.eyJzdWIiOiIx', false],
  ['eyJhbGciOiJI.short', false],
  ['xeyJ.aaaaaaaa', false],
  ['an image called eyJhbGciOiJI', false],
  ['amqp://me:pass@host', true],
  ['http://host:80/', false],
  ["token='x", true],
  ['"password": "x"', true],
  ['a token of thanks', false],
])('%s: %s', (text, may) => {
  expect(mayHoldSecret(text)).toBe(may);
});

it.each([
  ['eyJ', ''],
  ['eyJ', '.'],
  ['eyJ.', ''],
  ['eyJaaaaaaaa.', ''],
  ['eyJaaaaaaaa.b', '.'],
  ['a-', '.eyJ'],
  ['://', ''],
  ['://a:', ''],
  ['://a:b', '@'],
  ['token', ''],
  ["token'", ''],
  ['token ', ''],
  ['token=', ''],
  [' ', 'token'],
  ['secret\\', ''],
  ['gAAAA', ''],
])('looks through a text of many %j in a time that grows as it does', (part, end) => {
  const seconds = (bytes: number) => {
    const text = part.repeat(Math.ceil(bytes / part.length)) + end;
    let least = Infinity;
    for (let i = 0; i < 5; i++) {
      const begin = process.hrtime.bigint();
      mayHoldSecret(text);
      least = Math.min(least, Number(process.hrtime.bigint() - begin));
    }
    return least;
  };
  // Twice as much for a text of twice the length, four times as much were it quadratic: 8 and 64 here.
  expect(seconds(128 * 1024) / seconds(16 * 1024)).toBeLessThan(24);
});
