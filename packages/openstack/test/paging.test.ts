import { AnswerBody, HeldBytes } from '../src/answer-body.js';
import { PageWalk } from '../src/paging.js';
import type { Answer } from '../src/answer.js';

const endpoint = 'http://cloud.test/v2';
const list = { service: { type: 'image' }, path: '/images', key: 'images' };

function pageOf(items: string, next: string, held = new HeldBytes()): Answer {
  const body = new AnswerBody(held, 'images');
  body.append(Buffer.from(`{"images": [${items}], "next": "/v2/images?marker=${next}"}`));
  const context = { service: 'image', method: 'GET', url: `${endpoint}/images` };
  return { status: 200, headers: { 'content-type': 'application/json' }, body, context };
}

/** Reads pages without end; returns how many items came, and the error that ended it. */
function walk(pageAt: (page: number) => Answer): { readonly items: number; readonly failure: unknown } {
  const walking = new PageWalk(list, endpoint, new URL(`${endpoint}/images`));
  let items = 0;
  try {
    for (let page = 0; walking.url !== undefined; page += 1) {
      const answer = pageAt(page);
      for (const piece of walking.take(answer)) items += piece.length;
      answer.body.release();
    }
  } catch (failure) {
    return { items, failure };
  }
  return { items, failure: undefined };
}

it('ends a listing with more pages than any cloud has, and reports it', () => {
  const { items, failure } = walk((page) => pageOf(`{"id": "${page}"}`, `m${page}`));
  expect(items).toBe(10_000);
  expect(failure).toMatchObject({
    code: 'OPENSTACK_ANSWER',
    message: expect.stringContaining('the listing has more than 10000 pages'),
  });
});

it('refuses an item with a duplicate key, even beside a very long number', () => {
  for (const size of ['1', '9007199254740993']) {
    const { failure } = walk(() => pageOf(`{"id": "a", "size": 0, "size": 2, "other": ${size}}`, 'b'));
    const expected = size === '1' ? 'leads to a page that was there before' : 'says two things under one key';
    expect(failure).toMatchObject({ code: 'OPENSTACK_ANSWER', message: expect.stringContaining(expected) });
  }
});

it('ends a listing with more items', () => {
  const many = Array.from({ length: 200_000 }, () => '{}').join();
  const { items, failure } = walk((page) => pageOf(many, `m${page}`));
  expect(items).toBe(1_000_000);
  expect(failure).toMatchObject({ message: expect.stringContaining('the listing has more than 1000000 items') });
});

it('refuses a link that exceeds the limit', () => {
  const { failure } = walk((page) => pageOf('{"id": "a"}', `${page}${'m'.repeat(5_000)}`));
  expect(failure).toMatchObject({ message: expect.stringContaining('the link to the next page is no URL') });
});

it('holds at most 128 MiB of large responses, and reuses what is released', () => {
  const held = new HeldBytes();
  const mebibyte = 1024 * 1024;
  held.take(126 * mebibyte);
  // 4 MiB of each response are not counted.
  const large = () =>
    pageOf(Array.from({ length: 28 }, () => `{"text": "${'x'.repeat(200_000)}"}`).join(), 'm', held);
  const first = large();
  expect(large).toThrow('the answers that are read at once are larger than 128 MiB together');
  first.body.release();
  first.body.release();
  large();
});
