import { Limits } from '../../src/access/limits.js';

let now = 0;
beforeEach(() => {
  now = 0;
});
const limitsOf = (requestsPerMinute: number, concurrent: number) =>
  new Limits({ requestsPerMinute, concurrent }, () => now);
const alice = { kind: 'token', name: 'alice' } as const;
const tooMany = (seconds: string) => expect.objectContaining({ status: 429, headers: { 'retry-after': seconds } });
const refusal = (limits: Limits, caller: Parameters<Limits['begin']>[0] = alice) => {
  try {
    limits.begin(caller)();
    return undefined;
  } catch (error) {
    return error;
  }
};

it('permits a number of requests in a minute, at once or spread over it', () => {
  const limits = limitsOf(60, 10);
  for (let at = 0; at < 60; at += 1) expect(refusal(limits)).toBeUndefined();
  expect(refusal(limits)).toEqual(tooMany('1'));
  now = 999;
  expect(refusal(limits)).toEqual(tooMany('1'));
  now = 1_000;
  expect([refusal(limits), refusal(limits)]).toEqual([undefined, tooMany('1')]);
  now = 3_600_000;
  for (let at = 0; at < 60; at += 1) expect(refusal(limits)).toBeUndefined();
  expect(refusal(limits)).toEqual(tooMany('1'));
});

it('refuses further requests, and says when to retry', () => {
  const limits = limitsOf(2, 10);
  expect([refusal(limits), refusal(limits), refusal(limits)]).toEqual([undefined, undefined, tooMany('30')]);
  now = 30_000;
  expect(refusal(limits)).toBeUndefined();
});

it('limits the number of concurrent requests', () => {
  const limits = limitsOf(1_000, 2);
  const [ended] = [limits.begin(alice), limits.begin(alice)];
  expect(refusal(limits)).toEqual(tooMany('1'));
  ended?.();
  expect(refusal(limits)).toBeUndefined();
});

it('does not limit other callers, nor one of another kind with the same name', () => {
  const limits = limitsOf(1, 10);
  expect([refusal(limits), refusal(limits)]).toEqual([undefined, tooMany('60')]);
  expect(refusal(limits, { kind: 'token', name: 'bob' })).toBeUndefined();
  expect(refusal(limits, { kind: 'keystone', name: 'alice' })).toBeUndefined();
});

it('remembers a limited number of callers, and never forgets one with a request in progress', () => {
  const limits = limitsOf(1_000, 1);
  const ended = limits.begin(alice);
  for (let at = 0; at < 20_000; at += 1) limits.begin({ kind: 'token', name: `${at}` })();
  expect(limits.size).toBe(10_000);
  expect(refusal(limits)).toEqual(tooMany('1'));
  ended();
  expect(refusal(limits)).toBeUndefined();
});
