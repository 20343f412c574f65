import { isDeepStrictEqual } from 'node:util';

import { AnswerBody, AnswerRefused, HeldBytes } from '@nephoscope/openstack/testing';
import fc from 'fast-check';

import { mutated } from './target.js';
import type { Target } from './target.js';

const listing = fc
  .array(fc.record({ id: fc.uuid(), size: fc.integer(), metadata: fc.dictionary(fc.string(), fc.string()) }), {
    maxLength: 5,
  })
  .map((volumes) =>
    JSON.stringify({ volumes, volumes_links: [{ rel: 'next', href: 'http://127.0.0.1/v?marker=1' }] }),
  );

/** Answers of services: what is accepted is JSON, and has the same meaning as for JSON.parse. */
export const answers: Target = {
  name: 'answers',
  runs: 300,
  inputs: mutated(fc.oneof(listing, fc.json())),
  check(input) {
    // As in UTF-8, which cannot represent half a surrogate pair.
    const bytes = Buffer.from(input);
    const held = new HeldBytes();
    const body = new AnswerBody(held, 'volumes');
    try {
      const middle = bytes.length >> 1;
      body.append(bytes.subarray(0, middle));
      body.append(bytes.subarray(middle));
      const value = body.value();
      const expected: unknown = JSON.parse(bytes.toString());
      if (!isDeepStrictEqual(plain(value), plain(expected))) throw new Error('it was read as something else');
    } catch (error) {
      if (!(error instanceof AnswerRefused)) throw error;
    } finally {
      body.release();
    }
  },
};

/** Without values that are kept more exactly than by JSON.parse, and without keys that are left out. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint' || typeof value === 'number') return Number(value) + 0;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  const own = Object.entries(value).filter(([key]) => key !== '__proto__');
  return own.map(([key, item]) => [key, plain(item)]);
}
