import { jest } from '@jest/globals';
import { NephoscopeError, PermanentError } from '@nephoscope/core';
import { FakeClock, RecordingLogger } from '@nephoscope/testing';

import { retryingStore } from '../src/retrying-store.js';
import { FakeStore, until } from './support.js';

// Pauses are randomised; this makes each one as long as it can be.
beforeEach(() => void jest.spyOn(Math, 'random').mockReturnValue(1));
afterEach(() => jest.restoreAllMocks());

function make(...failures: readonly Error[]) {
  const [inner, clock, logger] = [new FakeStore(), new FakeClock(), new RecordingLogger()];
  const left = [...failures];
  let starts = 0;
  inner.start = () => {
    starts += 1;
    const failure = left.shift();
    return failure === undefined ? Promise.resolve() : Promise.reject(failure);
  };
  const stopping = new AbortController();
  const store = retryingStore(inner, { clock, logger });
  return { clock, logger, starts: () => starts, stopping, store };
}

const away = () => new NephoscopeError('STORE_UNAVAILABLE', 'the server is away');

it('waits for a store that is unavailable, logs it, and starts it', async () => {
  const { clock, logger, starts, stopping, store } = make(away(), away());
  const started = store.start(stopping.signal);
  await until('it was told', () => logger.entries.length === 1);
  expect(store.health()).toEqual({ ok: false, reason: 'the server is away' });
  await clock.advance(250);
  expect(starts()).toBe(2);
  await clock.advance(500);
  await started;
  expect(store.health()).toEqual({ ok: true });
  expect(logger.entries.map(({ message }) => message)).toEqual([
    'the store is not available; next attempt in 0.25 s: the server is away',
    'the store is not available; next attempt in 0.5 s: the server is away',
    'the store is available now',
  ]);
});

it.each(['STORE_REFUSED', 'STORE_INVALID', 'STORE_SCHEMA_NEWER'])('does not retry after %s', async (code) => {
  const { stopping, store } = make(new PermanentError(code, 'only the operator can help'));
  await expect(store.start(stopping.signal)).rejects.toMatchObject({ code });
});

it('retries after an unexpected error', async () => {
  const { clock, starts, stopping, store } = make(new TypeError('the driver has a bug'));
  const started = store.start(stopping.signal);
  await until('it sleeps', () => clock.sleepers === 1);
  await clock.advance(250);
  await started;
  expect(starts()).toBe(2);
});

it('can be stopped while it waits', async () => {
  const { clock, logger, stopping, store } = make(away());
  const started = store.start(stopping.signal);
  await until('it was told', () => logger.entries.length === 1);
  stopping.abort(new NephoscopeError('STOPPED', 'stopped by SIGTERM'));
  await expect(started).rejects.toMatchObject({ code: 'STOPPED' });
  expect(clock.sleepers).toBe(0);
  await store.stop();
});
