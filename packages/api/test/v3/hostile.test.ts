import * as fc from 'fast-check';

import { routes } from '../../src/v3/routes.js';
import { Stores } from '../store.js';
import { serve, signed } from './serve.js';
import type { Served } from './serve.js';

const stores = new Stores();
let served: Served;
beforeAll(async () => {
  await stores.prepare();
  served = await serve(await stores.readerOf(Array.from({ length: 30 }, (_, at) => signed(at))));
});
afterAll(async () => {
  await served.close();
  stores.remove();
});

const odd = fc.constantFrom(
  ...[
    '',
    ' ',
    "'",
    '"',
    '%',
    '\0',
    '\n',
    '__proto__',
    'constructor',
    'toString',
    '-1',
    '0',
    '1e999',
    '9'.repeat(400),
    'NaN',
  ],
  ...[
    '2026-10',
    '2026-10-32',
    '0000',
    '9999',
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999999999Z',
    '2026-10-01T00:00:00 02:00',
  ],
  ...[
    'PT1S',
    'PT999999999H',
    'P999999D',
    'P',
    'PT',
    'hour',
    'year',
    'p95',
    'p100',
    'p101',
    'p1e5',
    'last',
    'use',
    'average',
  ],
  ...[
    'Europe/Berlin',
    'Etc/GMT+12',
    '../../etc/passwd',
    '+05:30',
    'metadata.',
    'metadata.flavor',
    'project',
    'instance',
  ],
  ...[
    'a=',
    '=',
    'a=b',
    'flavor.name=small',
    'a>="\\u"',
    'a<1e99999',
    'true',
    'false',
    'web',
    'cpu',
    'shop',
    'newest',
    'up',
    'ceiling',
  ],
  ...[
    Buffer.from('["x","1","1","1"]').toString('base64url'),
    'W10',
    '∞',
    '\ud83d\ude42',
    "x' or 1=1 --",
    '; drop table samples',
  ],
);
const value = fc.oneof(
  { weight: 4, arbitrary: odd },
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 10 }),
);

const request = fc.constantFrom(...routes).chain(({ path, query }) => {
  const names = [...Object.keys(query.shape), 'nothing', '__proto__', 'q.field'];
  return fc.record({
    path: fc
      .array(value, { minLength: 1, maxLength: 1 })
      .map(([id = '']) => path.replaceAll(/\{\w+\}/g, () => encodeURIComponent(id.toWellFormed()))),
    // Many requests have a range, so that what comes after it is reached.
    range: fc.constantFrom('month=2026-10', 'start=2026-10-01&end=2026-10-02', ''),
    meter: fc.constantFrom('meter=cpu', ''),
    query: fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 5 }),
    accept: fc.constantFrom('application/json', 'text/csv', 'application/x-ndjson', '*/*', 'text/*;q=0.1, x', ''),
    raw: fc.constantFrom('', '', '', '&%', '&%ff%fe=1', '&&==&', '&limit', '?'),
  });
});

const runs = Number(process.env['NEPHOSCOPE_REQUESTS'] ?? 1_500);

it('whatever is asked, it is answered, and tells nothing of the database', async () => {
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(request, async ({ path, range, meter, query, accept, raw }) => {
      const pairs = query.map(([name, text]) => `${name}=${encodeURIComponent(text.toWellFormed())}`);
      const target = `${path}?${[range, meter, ...pairs].filter((part) => part !== '').join('&')}${raw}`;
      const response = await fetch(served.url + target, { headers: { accept } });
      const text = await response.text();
      expect(response.status).toBeLessThan(500);
      if (response.status === 200) answered += 1;
      else
        expect(JSON.parse(text)).toMatchObject({
          status: response.status,
          title: expect.any(String),
          detail: expect.any(String),
        });
      // What the client sent comes back in some problems.
      const sent = decodeURIComponent(pairs.join(' '));
      for (const [word] of text.matchAll(/\b(select|insert|sqlite|kysely|node_modules)\b|\/tmp\/|\.ts:\d/gi))
        expect(sent).toContain(word);
    }),
    { numRuns: runs },
  );
  // Not only refusals were tried.
  expect(answered).toBeGreaterThan(runs / 50);
  expect(served.logger.entries.filter(({ level }) => level === 'error')).toEqual([]);
}, 600_000);
