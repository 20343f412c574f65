import assert from 'node:assert/strict';

import type { Sample, PageQuery, SamplePage, SampleQuery, SampleReader } from '@nephoscope/core/sample-store';

import { all, exampleSample, examples, never, noon, second } from './support.js';
import type { StoreTests } from './support.js';

/** Pages that together form one stream, whatever happens meanwhile. */
export function pageTests({ describe, it, contract, withStore }: StoreTests): void {
  describe('pages', () => {
    const orders = [
      ['of all', { newestFirst: false }],
      ['of all, newest first', { newestFirst: true }],
      ['of a resource', { resources: ['r3'] }],
      ['of a scope', { scope: { project: 'project-1' }, newestFirst: true }],
      ['of a time', { start: noon + 10n * second, end: noon + 700n * second, newestFirst: true }],
    ] as const satisfies readonly (readonly [string, Partial<SampleQuery>])[];
    for (const [what, query] of orders)
      it(
        `${what} form one stream, even if earlier, intermediate and later samples are recorded meanwhile`,
        withStore(async (store, reader) => {
          await store.record(examples(700));
          const before = await all(reader, query);
          let round = 0;
          const found = await pagesOf(reader, query, 97, async () => {
            round += 1;
            const late = [-5n, 100n, 300n, 690n, 900n].map((at) =>
              exampleSample({ timestamp: noon + at * second + BigInt(round % 2), resourceId: `r${round % 7}` }),
            );
            await store.record([...late, exampleSample({ resourceId: 'r3', meter: `new-${round}` })]);
          });
          assert.ok(round > 0);
          assert.deepEqual(found, before);
        }),
      );

    it(
      'end without a cursor, even if the last one is full, and may have a single sample',
      withStore(async (store, reader) => {
        await store.record(examples(4));
        const page = (limit: number, cursor?: string) => reader.samplePage({ scope: 'all', limit, cursor }, never);
        assert.equal((await page(4)).next, undefined);
        assert.equal((await page(5)).next, undefined);
        const first = await page(2);
        const last = await page(2, first.next);
        assert.deepEqual([first.samples.length, last.samples.length, last.next], [2, 2, undefined]);
        assert.equal((await pagesOf(reader, {}, 1)).length, 4);
        assert.deepEqual(await reader.samplePage({ scope: 'all', meters: ['x'], limit: 1 }, never), {
          samples: [],
          next: undefined,
        });
      }),
    );

    it(
      'can be continued by another reader',
      withStore(async (store, reader, _again, place) => {
        await store.record(examples(20));
        const first = await reader.samplePage({ scope: 'all', limit: 8 }, never);
        await store.record(examples(5));
        const other = await contract.createReader(place);
        await other.start(never);
        try {
          const next = await other.samplePage({ scope: 'all', limit: 100, cursor: first.next }, never);
          assert.equal(first.samples.length + next.samples.length, 20);
        } finally {
          await other.stop();
        }
      }),
    );

    it(
      'refuse a cursor of another query or another scope, and an invalid one',
      withStore(async (store, reader) => {
        await store.record(examples(20));
        const query = { scope: { project: 'project-1' }, limit: 5 } as const;
        const { next: cursor } = await reader.samplePage(query, never);
        assert.ok(cursor !== undefined);
        const refused = (other: Omit<Partial<PageQuery>, 'limit'>) =>
          assert.rejects(async () => await reader.samplePage({ ...query, cursor, ...other }, never), {
            code: 'CURSOR_INVALID',
          });
        await refused({ scope: 'all' });
        await refused({ scope: { project: 'project-2' } });
        await refused({ resources: ['r1'] });
        await refused({ newestFirst: true });
        await refused({ end: noon });
        for (const text of ['', 'nonsense', `${cursor}x`, cursor.slice(2), encoded({}), encoded(['a', 'b'])])
          await refused({ cursor: text });
        const parts = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as string[];
        for (const forged of ['', 'x', '1e3', '99999999999999999999', '-', '1:2', '0:0:', '9:5:', '5:9:9,9'])
          for (const at of parts.keys())
            if (at > 0) {
              const changed = encoded(parts.with(at, forged));
              const other = reader.samplePage({ ...query, cursor: changed }, never);
              await other.catch((error: unknown) => {
                assert.equal((error as { code?: unknown }).code, 'CURSOR_INVALID');
              });
            }
        assert.deepEqual(reader.health(), { ok: true });
        assert.equal((await reader.samplePage({ ...query, limit: 6, cursor }, never)).samples.length, 6);
      }),
    );
  });
}

function encoded(parts: unknown): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

async function pagesOf(
  reader: SampleReader,
  query: Partial<SampleQuery>,
  limit: number,
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<readonly Sample[]> {
  const found: Sample[] = [];
  let page: SamplePage = { samples: [], next: undefined };
  do {
    page = await reader.samplePage({ scope: 'all', ...query, limit, cursor: page.next }, never);
    assert.ok(page.samples.length === limit || page.next === undefined);
    found.push(...page.samples);
    if (page.next !== undefined) await between();
  } while (page.next !== undefined);
  return found;
}
