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
])('searches a text of many %j in linear time', (part, end) => {
  const timed = (bytes: number) => {
    const text = part.repeat(Math.ceil(bytes / part.length)) + end;
    let least = Infinity;
    return () => {
      const begin = process.hrtime.bigint();
      mayHoldSecret(text);
      return (least = Math.min(least, Number(process.hrtime.bigint() - begin)));
    };
  };
  // 8 times the length takes about 8 times as long, or 64 times if it were quadratic: then repeating the measurement does not help.
  const [short, long] = [timed(16 * 1024), timed(128 * 1024)];
  let ratio = Infinity;
  for (let tries = 0; tries < 5 || (tries < 50 && ratio >= 24); tries++) ratio = long() / short();
  expect(ratio).toBeLessThan(24);
});
