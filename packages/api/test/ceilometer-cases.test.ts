import { readFileSync } from 'node:fs';

import type { SampleReader } from '@nephoscope/core/sample-store';
import { FakeBus, RecordingLogger } from '@nephoscope/testing';
import type { FastifyInstance } from 'fastify';

import { AccessDenied } from '../src/access/access-denied.js';
import { callerOf } from '../src/access/roles.js';
import { apiOptions } from '../src/options.js';
import { createServer, listen } from '../src/server.js';
import { problemOf } from './checks.js';
import type { Check } from './checks.js';
import { publisherOn } from './publisher.js';
import { Stores } from './store.js';
import type { Fixture } from './store.js';

interface Case {
  readonly id: string;
  readonly needs: readonly string[];
  readonly settings?: { readonly default_limit?: number; readonly sources?: object };
  readonly fixtures: readonly Fixture[];
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly query: readonly (readonly [string, string])[];
    readonly headers: Readonly<Record<string, string>>;
    readonly body: unknown;
    readonly identity: {
      readonly roles: readonly string[];
      readonly project_id: string;
      readonly user_id: string;
    } | null;
  };
  readonly expect: { readonly status: number; readonly content_type?: string; readonly checks: readonly Check[] };
}

/** The features that some cases need and this version lacks, with the reason. */
const missing: Readonly<Record<string, string>> = {
  'v2-seed-metadata': 'contradicts the last v2: nested metadata are flattened, not left out',
};

const all = JSON.parse(readFileSync(new URL('data/http-cases.json', import.meta.url), 'utf8')) as readonly Case[];
const cases = all.filter(({ needs }) => !needs.some((need) => need in missing));
const groups = new Map<string, Case[]>();
for (const one of cases) {
  const key = JSON.stringify([one.fixtures, one.settings]);
  groups.set(key, [...(groups.get(key) ?? []), one]);
}

const stores = new Stores();
let reader: SampleReader;
let server: FastifyInstance;
let base: string;

beforeAll(() => stores.prepare());
afterAll(() => stores.remove());

test('runs this number of cases', () => {
  expect({ all: all.length, run: cases.length }).toEqual({ all: 112, run: 112 });
});

describe.each([...groups.values()].map((some) => [some[0]?.id ?? '', some] as const))('%s', (_, some) => {
  beforeAll(async () => {
    const { settings = {}, fixtures } = some[0] as Case;
    const { default_limit: defaultLimit, sources } = settings;
    reader = await stores.reader(fixtures);
    server = createServer({
      options: apiOptions.parse({ defaultLimit, sources }),
      reader,
      publisher: publisherOn(new FakeBus()),
      logger: new RecordingLogger(),
      authenticate: ({ headers }) => {
        if (headers['x-auth-token'] === undefined) throw new AccessDenied(401, 'a token is needed');
        const {
          roles,
          project_id: project,
          user_id: userId,
        } = JSON.parse(String(headers['x-auth-token'])) as NonNullable<Case['request']['identity']>;
        return callerOf({ kind: 'keystone', name: userId, userId, roles, on: { project } });
      },
    });
    base = await listen(server, { address: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await server.close();
    await reader.stop();
  });

  test.each(some.map((one) => [one.id, one] as const))('%s', async (_id, { request, expect: expected }) => {
    const url = new URL(base + request.path);
    for (const [name, value] of request.query) url.searchParams.append(name, value);
    const response = await fetch(url, {
      method: request.method,
      headers: {
        accept: 'application/json',
        ...(request.body === null ? {} : { 'content-type': 'application/json' }),
        ...(request.identity === null ? {} : { 'x-auth-token': JSON.stringify(request.identity) }),
        ...request.headers,
      },
      body: request.body === null ? null : JSON.stringify(request.body),
    });
    const body = await response.text();
    expect([response.status, body]).toEqual([expected.status, body]);
    if (expected.content_type !== undefined)
      expect(response.headers.get('content-type')?.split(';')[0]).toBe(expected.content_type);
    expect(expected.checks.map((check) => problemOf(check, body)).filter((one) => one !== undefined)).toEqual([]);
  });
});
