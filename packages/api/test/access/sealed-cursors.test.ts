import { Secret } from '@nephoscope/core/options';
import type { PageQuery, SamplePage, SampleReader } from '@nephoscope/core/sample-store';

import { sealCursors } from '../../src/access/sealed-cursors.js';

class Reader {
  readonly asked: (string | undefined)[] = [];
  readonly #own = 'ok';
  next: string | undefined = 'cursor-7';

  samplePage({ cursor }: PageQuery): Promise<SamplePage> {
    this.asked.push(cursor);
    return Promise.resolve({ samples: [], next: this.next });
  }

  health() {
    return this.#own;
  }
}

let reader: Reader;
const { signal } = new AbortController();
const sealed = (secret?: string) =>
  sealCursors(reader as unknown as SampleReader, secret === undefined ? undefined : [new Secret(secret)]);
const nextOf = async (from: SampleReader, cursor?: string) =>
  (await from.samplePage({ scope: { project: 'p' }, limit: 1, cursor }, signal)).next ?? '';

beforeEach(() => {
  reader = new Reader();
});

it('a cursor shows nothing, and leads on where it was given', async () => {
  const one = sealed();
  const cursor = await nextOf(one);
  expect(Buffer.from(cursor, 'base64url').toString('latin1')).not.toContain('cursor');
  expect(await nextOf(one)).toBe(cursor);
  await nextOf(one, cursor);
  expect(reader.asked).toEqual([undefined, undefined, 'cursor-7']);
});

it('its length does not follow from what is in it', async () => {
  const one = sealed();
  const lengths = new Set<number>();
  for (const next of ['', '7', '7'.repeat(100), 'x\u0080']) {
    reader.next = next;
    const cursor = await nextOf(one);
    lengths.add(cursor.length);
    await nextOf(one, cursor);
    expect(reader.asked.at(-1)).toBe(next);
  }
  expect(lengths.size).toBe(1);
});

it('another server with the same secrets takes it, one with others does not', async () => {
  const cursor = await nextOf(sealed('a secret'));
  await nextOf(sealed('a secret'), cursor);
  await expect(nextOf(sealed('another'), cursor)).rejects.toMatchObject({ code: 'CURSOR_INVALID' });
  await expect(nextOf(sealed(), cursor)).rejects.toMatchObject({ code: 'CURSOR_INVALID' });
});

it.each(['', 'x', 'cursor-7', 'A'.repeat(40), '\u0000'])('%j is none', async (cursor) => {
  await expect(nextOf(sealed(), cursor)).rejects.toMatchObject({ code: 'CURSOR_INVALID' });
});

it('one that was changed is none', async () => {
  const one = sealed();
  const bytes = Buffer.from(await nextOf(one), 'base64url');
  for (const at of [0, 20, bytes.length - 1]) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await expect(nextOf(one, changed.toString('base64url'))).rejects.toMatchObject({ code: 'CURSOR_INVALID' });
  }
});

it('who sees all has the store’s own; all else is the reader’s', async () => {
  const one = sealed();
  expect(await one.samplePage({ scope: 'all', limit: 1 }, signal)).toMatchObject({ next: 'cursor-7' });
  expect(one.health()).toBe('ok');
});
