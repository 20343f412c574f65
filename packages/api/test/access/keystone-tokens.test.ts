import { Secret } from '@nephoscope/core/options';
import type { JsonObject } from '@nephoscope/openstack';
import { RecordingLogger } from '@nephoscope/testing';

import { KeystoneTokens, checkedFor } from '../../src/access/keystone-tokens.js';

const alice = {
  user: { id: 'alice' },
  project: { id: 'p' },
  roles: [{ name: 'member' }],
  expires_at: '2999-01-01T00:00:00Z',
};
const later = (ms: number) => new Date(Date.now() + ms).toISOString();

let now = 0;
let known: Map<string, JsonObject>;
let asked: string[];
let answer: (token: string) => Promise<JsonObject | undefined>;
let logger: RecordingLogger;
let tokens: KeystoneTokens;

beforeEach(() => {
  now = 0;
  known = new Map([['a', alice]]);
  asked = [];
  answer = (token) => Promise.resolve(known.get(token));
  logger = new RecordingLogger();
  const session = {
    validate(token: Secret) {
      asked.push(token.reveal());
      return answer(token.reveal());
    },
  };
  tokens = new KeystoneTokens({ session, logger, now: () => now });
});

const callerOf = (token: string) => tokens.callerOf(new Secret(token));
const denied = (status: number) => expect.objectContaining({ name: 'AccessDenied', status });

it('is valid if keystone says so, which is asked once in ten seconds', async () => {
  const caller = {
    kind: 'keystone',
    name: 'alice',
    role: 'member',
    scope: { project: 'p' },
    projectId: 'p',
    userId: 'alice',
  };
  expect(await callerOf('a')).toEqual(caller);
  now = checkedFor - 1;
  expect(await callerOf('a')).toEqual(caller);
  expect(asked).toEqual(['a']);
  now = checkedFor;
  await callerOf('a');
  expect(asked).toEqual(['a', 'a']);
});

it('is refused within ten seconds after it was revoked', async () => {
  await callerOf('a');
  known.clear();
  now = checkedFor;
  await expect(callerOf('a')).rejects.toEqual(denied(401));
});

it('is not used after its own expiry, if that is sooner', async () => {
  known.set('a', { ...alice, expires_at: later(3_000) });
  await callerOf('a');
  now = 3_000;
  await callerOf('a');
  expect(asked).toHaveLength(2);
});

it('is checked at each request if the clock is ahead of keystone’s', async () => {
  known.set('a', { ...alice, expires_at: later(-60_000) });
  await callerOf('a');
  await callerOf('a');
  expect(asked).toHaveLength(2);
});

it('is not checked again at every request if it is unknown', async () => {
  await expect(callerOf('x')).rejects.toEqual(denied(401));
  await expect(callerOf('x')).rejects.toEqual(denied(401));
  expect(asked).toEqual(['x']);
});

it('is checked once for concurrent requests', async () => {
  await Promise.all(Array.from({ length: 20 }, () => callerOf('a')));
  expect(asked).toEqual(['a']);
});

it('is refused without a check if too many checks are in progress', async () => {
  answer = () => new Promise(() => undefined);
  for (let at = 0; at < 64; at += 1) void callerOf(`x${at}`);
  await expect(callerOf('a')).rejects.toEqual(denied(503));
  expect(asked).toHaveLength(64);
});

it('is refused while keystone is unavailable, and accepted when it is back', async () => {
  answer = () => Promise.reject(new Error('away'));
  await expect(callerOf('a')).rejects.toEqual(
    expect.objectContaining({ status: 503, headers: { 'retry-after': '5' } }),
  );
  expect(logger.entries).toHaveLength(1);
  answer = (token) => Promise.resolve(known.get(token));
  expect(await callerOf('a')).toMatchObject({ name: 'alice' });
});

it('is not used longer than ten seconds after its check while keystone is unavailable', async () => {
  await callerOf('a');
  answer = () => Promise.reject(new Error('away'));
  now = checkedFor;
  await expect(callerOf('a')).rejects.toEqual(denied(503));
});

it.each([
  ['without a user', { ...alice, user: undefined }],
  ['whose project has no id', { ...alice, project: { id: '' } }],
  ['whose roles are not a list', { ...alice, roles: 'admin' }],
  ['without an expiry', { ...alice, expires_at: undefined }],
])('is refused as unreadable: a token %s', async (_, token) => {
  known.set('a', token as unknown as JsonObject);
  await expect(callerOf('a')).rejects.toEqual(denied(503));
});

it.each([
  ['a domain', { ...alice, project: undefined, domain: { id: 'd' }, roles: [{ name: 'admin' }] }],
  ['nothing', { ...alice, project: undefined, roles: [{ name: 'admin' }] }],
  ['a project without a known role', { ...alice, roles: [{ name: 'creator' }] }],
])('for %s permits nothing', async (_, token) => {
  known.set('a', token as unknown as JsonObject);
  await expect(callerOf('a')).rejects.toEqual(denied(403));
});

it('for the system permits everything', async () => {
  known.set('a', {
    ...alice,
    project: undefined,
    system: { all: true },
    roles: [{ name: 'reader' }],
  } as unknown as JsonObject);
  expect(await callerOf('a')).toMatchObject({ role: 'reader', scope: 'all', projectId: null });
});
