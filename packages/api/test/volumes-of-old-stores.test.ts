import { NephoscopeError } from '@nephoscope/core';
import type { SampleReader } from '@nephoscope/core/sample-store';

import { Stores } from './store.js';
import { serve, signed } from './v3/serve.js';
import type { Served } from './v3/serve.js';

// Versions without a bound of volumes recorded any that are numbers in JSON.

const stores = new Stores();
const types = ['cumulative', 'delta', 'gauge'] as const;
const bad = types.map((type) => ({
  ...signed(5, { type, name: type, resourceId: 'bad' }),
  volume: '1e999999999',
}));
const good = types.flatMap((type) => [1, 5].map((at) => signed(at, { type, name: type, resourceId: 'good' })));
let all: Served;

beforeAll(async () => {
  await stores.prepare();
  all = await serve(await stores.readerOf([...good, ...bad]));
});
afterAll(async () => {
  await all.close();
  stores.remove();
});

const range = 'start=2026-10-01T00:00:00Z&end=2026-10-02T00:00:00Z';

describe.each(types)('a recorded %s volume of 1e999999999', (type) => {
  it.each(['/v3/usage', '/v3/statistics', '/v3/explain'])(
    'is named by %s, which refuses its figure',
    async (path) => {
      const response = await fetch(`${all.url}${path}?${range}&meter=${type}`);
      const body = (await response.json()) as { detail: string };
      expect([response.status, body]).toMatchObject([
        422,
        { type: 'urn:nephoscope:problem:refused', status: 422, code: 'VOLUME_INVALID' },
      ]);
      for (const part of [
        `${type} of bad`,
        '2026-10-01T05:00:00',
        `bad/${type}/5`,
        '1e999999999',
        'nephoscope import',
      ])
        expect(body.detail).toContain(part);
    },
  );

  it('leaves the figures of other resources', async () => {
    const response = await fetch(`${all.url}/v3/usage?${range}&meter=${type}&resource=good`);
    expect([response.status, await response.json()]).toMatchObject([200, { figures: [{ samples: 2 }] }]);
  });

  it('is shown as a sample, and in the statistics of Ceilometer', async () => {
    for (const path of [`/v3/samples?meter=${type}`, `/v2/meters/${type}`, `/v2/meters/${type}/statistics`])
      expect([path, (await fetch(all.url + path)).status]).toEqual([path, 200]);
  });
});

describe.each([
  ['VOLUME_INVALID', 422, 500],
  ['ROLLUP_DAMAGED', 500, 500],
  ['PLUGIN_INVALID', 500, 500],
  ['STORE_UNAVAILABLE', 503, 503],
  ['STORE_BUSY', 503, 503],
  ['SQLITE_FILE', 503, 503],
])('an error %s while samples are read', (code, ours, ceilometers) => {
  it('is called one of the database only if it is', async () => {
    const failing = () => {
      throw new NephoscopeError(code, 'at /secret/path');
    };
    const nothing = () => Promise.resolve();
    const served = await serve({
      ...{ start: nothing, stop: nothing, health: () => ({ ok: true }) },
      ...{ samples: failing, samplePage: failing, meters: failing, resources: failing, histories: failing },
    } as unknown as SampleReader);
    try {
      for (const [path, expected] of [
        [`/v3/usage?${range}`, ours],
        [`/v3/statistics?${range}`, ours],
        [`/v3/explain?${range}&meter=cpu`, ours],
        ['/v2/samples', ceilometers],
        ['/v2/meters/cpu/statistics', ceilometers],
      ] as const) {
        const response = await fetch(served.url + path);
        const text = await response.text();
        expect([path, response.status]).toEqual([path, expected]);
        expect(text.includes('the database cannot be read')).toBe(expected === 503);
        expect(response.headers.has('retry-after')).toBe(expected === 503);
        if (expected !== 422) expect(text).not.toContain('secret');
      }
      // A defect, whose cause the operator finds in the log.
      expect(served.logger.entries.some(({ level }) => level === 'error')).toBe(ceilometers === 500);
    } finally {
      await served.close();
    }
  });
});
