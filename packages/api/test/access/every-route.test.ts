import { Secret } from '@nephoscope/core/options';
import { createVerifier } from '@nephoscope/message';
import { RecordingLogger } from '@nephoscope/testing';
import type { FastifyInstance } from 'fastify';

import { AccessDenied } from '../../src/access/access-denied.js';
import { callerOf } from '../../src/access/roles.js';
import type { Identity } from '../../src/access/roles.js';
import { apiOptions } from '../../src/options.js';
import { createServer, listen } from '../../src/server.js';
import { Stores } from '../store.js';
import { before, foreign, isOfFigures, others, own, routesOf, theirs, walk } from './walk.js';
import type { Ask } from './walk.js';

const identity = (name: string, roles: readonly string[], on: Identity['on']) =>
  ({ kind: 'keystone', name, userId: name, roles, on }) as const satisfies Identity;
const callers = {
  admin: identity('admin', ['admin'], { project: 'project-ops' }),
  auditor: identity('auditor', ['reader'], 'system'),
  member: identity('member', ['member'], { project: 'project-own' }),
  reader: identity('reader', ['reader'], { project: 'project-own' }),
  newcomer: identity('newcomer', ['member'], { project: 'project-new' }),
  homeless: identity('homeless', ['admin'], 'nothing'),
  stranger: undefined,
} as const;
type Name = keyof typeof callers;

const stores = new Stores();
/** Two have everything, of which one is rolled up; one has what the project has, one what its figures are made of, one nothing. */
type Place = 'all' | 'rolled' | 'own' | 'figures' | 'none';
const servers = {} as Record<Place, FastifyInstance>;
const urls = {} as Record<Place, string>;
const closing: (() => Promise<unknown>)[] = [];
let asks: readonly Ask[];

beforeAll(async () => {
  await stores.prepare();
  // Samples of others come before, between and after.
  const mixed = [
    ...foreign.slice(0, 2),
    ...own.slice(0, 2),
    ...foreign.slice(2, 4),
    ...own.slice(2),
    ...foreign.slice(4),
  ];
  for (const [place, fixtures] of [
    ['all', mixed],
    ['rolled', mixed],
    ['own', own],
    ['figures', [...before, ...own]],
    ['none', []],
  ] as const) {
    const reader = await stores.reader(fixtures);
    if (place === 'rolled') await rollUp();
    const server = createServer({
      options: apiOptions.parse({
        sources: { openstack: {}, 'source-theirs': {}, 'source-absent': {} },
        publicUrl: 'https://metering.example.org',
      }),
      reader,
      logger: new RecordingLogger(),
      verifier: createVerifier({ secrets: [new Secret('a secret of the tests')] }),
      authenticate: ({ headers }) => {
        const caller = callers[headers['x-caller'] as Name];
        if (caller === undefined) throw new AccessDenied(401, 'a token is needed');
        return callerOf(caller);
      },
    });
    urls[place] = await listen(server, { address: '127.0.0.1', port: 0 });
    servers[place] = server;
    closing.push(() => server.close().then(() => reader.stop()));
  }
  asks = walk(routesOf(servers.all));
});
afterAll(async () => {
  for (const close of closing) await close();
  stores.remove();
});

async function rollUp(): Promise<void> {
  const store = await stores.writer();
  const end = BigInt(Date.UTC(2026, 9, 3)) * 1_000_000n;
  let spans = 0;
  for (let isMore = true; isMore;) {
    const turn = await store.rollups!.turn(end, new AbortController().signal);
    ({ isMore } = turn);
    spans += turn.spans;
  }
  await store.stop();
  expect(spans).toBeGreaterThan(0);
}

async function reply(place: Place, name: Name, { method, path, body, accept }: Ask): Promise<string> {
  const response = await fetch(urls[place] + path, {
    method,
    body: body ?? null,
    headers: {
      'x-caller': name,
      accept: accept ?? 'application/json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
  });
  const headers = [...response.headers].filter(([key]) => !['date', 'keep-alive', 'connection'].includes(key));
  return JSON.stringify([response.status, Object.fromEntries(headers), await response.text()]);
}

const shown = ({ method, path, body = '', accept = '' }: Ask) => `${method} ${path} ${body} ${accept}`;

/** A cursor is encrypted, and of the store that gave it; the ETag is of a reply with it. */
function withoutCursors(text: string): string {
  const masked = text.replaceAll(/((?:cursor|next)(?:=|\\?":\\?"))[\w-]{150,}/g, '$1[cursor]');
  return masked === text ? text : masked.replace(/"etag":"W\/\\"[\w-]+\\""/, '');
}

/** The requests whose replies are not what they must be, with both. */
async function differing(
  one: (ask: Ask) => Promise<string>,
  other: (ask: Ask) => Promise<string>,
  some = asks,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const ask of some) {
    const [left, right] = await Promise.all([one(ask), other(ask)]);
    if (left !== right) found.push(`${shown(ask)}\n  ${left.slice(0, 1_500)}\n  ${right.slice(0, 1_500)}`);
  }
  return found;
}

it('the walk comes to every route', () => {
  const isPlain = (path: string) => !/[:*]/.test(path);
  const declared = routesOf(servers.all).filter(([method]) => method === 'GET' || method === 'POST');
  expect(declared.length).toBeGreaterThan(25);
  const walked = new Set(asks.map(({ path }) => path.split('?')[0]));
  expect(declared.filter(([method, path]) => method === 'GET' && isPlain(path) && !walked.has(path))).toEqual([]);
  expect(asks.length).toBeGreaterThan(1_000);
});

it('who may see all sees what others have, so the walk would find it', async () => {
  const some = asks.filter((ask) => !theirs.some((text) => shown(ask).includes(text)));
  for (const name of ['admin', 'auditor'] as const) {
    let seen = 0;
    for (const ask of some.filter((_, at) => at % 4 === 0)) {
      const text = await reply('all', name, ask);
      if (theirs.some((one) => text.includes(one))) seen += 1;
    }
    expect([name, seen > 20]).toEqual([name, true]);
  }
}, 120_000);

it('a member gets the replies of a store that has nothing of others', async () => {
  const place = (ask: Ask) => (isOfFigures(ask) ? 'figures' : 'own');
  expect(
    await differing(
      async (ask) => withoutCursors(await reply('all', 'member', ask)),
      async (ask) => withoutCursors(await reply(place(ask), 'member', ask)),
    ),
  ).toEqual([]);
}, 120_000);

it('figures of a store that is rolled up are the same, of one’s own', async () => {
  for (const name of ['member', 'newcomer'] as const)
    expect(
      await differing(
        (ask) => reply('all', name, ask),
        (ask) => reply('rolled', name, ask),
        asks.filter(isOfFigures),
      ),
    ).toEqual([]);
}, 120_000);

it('nothing that only others have is in a reply to a member or reader', async () => {
  for (const name of ['member', 'reader'] as const)
    for (const ask of asks.filter((one, at) => isOfFigures(one) || at % 4 === 0)) {
      const text = await reply('all', name, ask);
      expect([shown(ask), theirs.filter((one) => text.includes(one) && !shown(ask).includes(one))]).toEqual([
        shown(ask),
        [],
      ]);
    }
}, 120_000);

it('one of a project without samples gets the replies of an empty store', async () => {
  expect(
    await differing(
      (ask) => reply('all', 'newcomer', ask),
      (ask) => reply('none', 'newcomer', ask),
    ),
  ).toEqual([]);
}, 120_000);

it('an id of others is answered as one that there is not', async () => {
  const swap = (text: string) => others.reduce((whole, [their, absent]) => whole.replaceAll(their, absent), text);
  const some = asks.filter((ask) => swap(shown(ask)) !== shown(ask));
  expect(some.length).toBeGreaterThan(200);
  const swapped = (ask: Ask): Ask => ({
    ...ask,
    path: swap(ask.path),
    body: ask.body === undefined ? undefined : swap(ask.body),
  });
  const length = /"content-length":"\d+"|"etag":"[^"]*"/g;
  for (const name of ['member', 'newcomer'] as const)
    expect(
      await differing(
        async (ask) => swap(await reply('all', name, ask)).replace(length, ''),
        async (ask) => (await reply('all', name, swapped(ask))).replace(length, ''),
        some,
      ),
    ).toEqual([]);
}, 120_000);

it.each([
  ['stranger', 401],
  ['homeless', 403],
] as const)(
  'a %s gets %i and no more, whatever is asked for',
  async (name, status) => {
    const isPublic = ({ path }: Ask) => /^\/(?:\?|$)|^\/v3\/openapi\.json/.test(path);
    const some = asks.filter((ask) => !isPublic(ask));
    expect(some.length).toBeGreaterThan(1_000);
    const replies = new Map<string, Set<string>>();
    for (const ask of some) {
      const text = await reply('all', name, ask);
      expect([shown(ask), text.slice(1, 4)]).toEqual([shown(ask), String(status)]);
      // Ours and Ceilometer's errors differ, and so do JSON and XML.
      const form = `${ask.path.slice(0, 3)} ${ask.accept ?? ''}`;
      replies.set(form, (replies.get(form) ?? new Set()).add(text));
    }
    for (const [form, texts] of replies) expect([form, texts.size]).toEqual([form, 1]);
  },
  120_000,
);
