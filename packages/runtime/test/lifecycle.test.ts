import { jest } from '@jest/globals';
import { NephoscopeError } from '@nephoscope/core';

import { component, startAll, stopAll, untilAborted } from '../src/lifecycle.js';
import type { Component } from '../src/lifecycle.js';

const ignore = () => undefined;

describe('components', () => {
  let steps: string[];
  let errors: unknown[];
  beforeEach(() => {
    steps = [];
    errors = [];
  });

  const logger = { debug: ignore, info: ignore, warn: ignore, error: (fields: object) => errors.push(fields) };
  const part = (name: string, failing: { start?: Error; stop?: Error } = {}): Component =>
    component(name, {
      start: () => {
        steps.push(`start ${name}`);
        return failing.start === undefined ? Promise.resolve() : Promise.reject(failing.start);
      },
      stop: () => {
        steps.push(`stop ${name}`);
        return failing.stop === undefined ? Promise.resolve() : Promise.reject(failing.stop);
      },
    });
  const running = () => new AbortController().signal;

  it('start in order and stop in reverse', async () => {
    const parts = [part('a'), part('b'), part('c')];
    await startAll(parts, running(), logger);
    await stopAll(parts, logger);
    expect(steps).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
  });

  it('receive the signal', async () => {
    const { signal } = new AbortController();
    let given: AbortSignal | undefined;
    const one = component('one', {
      start: async (theirs) => void (given = theirs),
      stop: () => Promise.resolve(),
    });
    await startAll([one], signal, logger);
    expect(given).toBe(signal);
  });

  it('undo a start that fails, and throw its failure', async () => {
    const failure = new Error('no');
    await expect(startAll([part('a'), part('b', { start: failure }), part('c')], running(), logger)).rejects.toBe(
      failure,
    );
    expect(steps).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  it('throw the failure of the start even if a started component does not stop, and log that', async () => {
    const failure = new Error('no');
    const stuck = new Error('stuck');
    await expect(
      startAll([part('a', { stop: stuck }), part('b', { start: failure })], running(), logger),
    ).rejects.toBe(failure);
    expect(steps).toEqual(['start a', 'start b', 'stop b', 'stop a']);
    expect(errors).toEqual([{ component: 'a', err: stuck }]);
  });

  it('are not started any more once stopped, and the reason of the stop is thrown', async () => {
    const stop = new AbortController();
    const reason = new NephoscopeError('STOPPED', 'stopped by SIGTERM');
    const last = component('last', {
      start: () => {
        stop.abort(reason);
        return Promise.resolve();
      },
      stop: () => Promise.resolve(),
    });
    await expect(startAll([part('a'), last, part('b')], stop.signal, logger)).rejects.toBe(reason);
    expect(steps).toEqual(['start a', 'stop a']);
  });

  it('treat errors caused by the stop as the stop, and a deadline as a failure', async () => {
    const failingBy = (abort: AbortController, reason: unknown) =>
      component('x', {
        start: () => {
          abort.abort(reason);
          return Promise.reject(new Error('not connected'));
        },
        stop: () => Promise.resolve(),
      });
    const stopped = new AbortController();
    await expect(
      startAll([failingBy(stopped, new NephoscopeError('STOPPED', 'x'))], stopped.signal, logger),
    ).rejects.toMatchObject({ code: 'STOPPED' });
    const late = new AbortController();
    await expect(startAll([failingBy(late, new Error('30 s are over'))], late.signal, logger)).rejects.toThrow(
      'not connected',
    );
  });

  it('continue to stop after failures, and throw all of them together', async () => {
    const parts = [
      part('a', { stop: new Error('a hangs') }),
      part('b'),
      part('c', { stop: new Error('c hangs') }),
    ];
    const failure: unknown = await stopAll(parts, logger).catch((error: unknown) => error);
    expect(steps).toEqual(['stop c', 'stop b', 'stop a']);
    expect(failure).toMatchObject({ code: 'STOP_FAILED', message: 'not stopped cleanly: c hangs; a hangs' });
    expect(((failure as Error).cause as AggregateError).errors).toHaveLength(2);
    expect(errors).toHaveLength(2);
  });

  it('throw a single failure to stop as the cause', async () => {
    const hangs = new Error('a hangs');
    await expect(stopAll([part('a', { stop: hangs })], logger)).rejects.toMatchObject({
      code: 'STOP_FAILED',
      cause: hangs,
    });
  });
});

describe('a hanging component', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());
  const hang = () => new Promise<void>(() => undefined);
  const warned: string[] = [];
  const logger = {
    debug: ignore,
    info: ignore,
    warn: (_: unknown, text: string) => void warned.push(text),
    error: ignore,
  };
  const stops: string[] = [];
  const sound = (name: string) =>
    component(name, { start: () => Promise.resolve(), stop: async () => void stops.push(name) });
  beforeEach(() => {
    warned.length = 0;
    stops.length = 0;
  });

  it('at the start is logged repeatedly, and waited for', async () => {
    let go: () => void = ignore;
    let reason = 'the disk is full';
    const health = () => (reason === '' ? { ok: true as const } : { ok: false as const, reason });
    const start = () => new Promise<void>((resolve) => (go = resolve));
    const slow = component('the store', { start, stop: hang, health });
    const started = startAll([slow], new AbortController().signal, logger);
    await jest.advanceTimersByTimeAsync(125_000);
    reason = '';
    await jest.advanceTimersByTimeAsync(60_000);
    const why = [
      'waiting: the disk is full',
      'waiting: the disk is full',
      'waiting: the disk is full',
      'still waiting',
    ];
    expect(warned).toEqual(
      [10, 60, 120, 180].map((s, at) => `the store has not started after ${s} s: ${why[at]}`),
    );
    go();
    await started;
    await jest.advanceTimersByTimeAsync(1_000_000);
    expect(warned).toHaveLength(4);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('at the start makes the start fail after the time limit, and the others are stopped', async () => {
    const hanging = component('the inspector', { start: hang, stop: () => Promise.resolve() }, 60_000);
    const started = startAll([sound('a'), hanging], new AbortController().signal, logger);
    const failure = expect(started).rejects.toMatchObject({
      code: 'START_TIMEOUT',
      message: 'the inspector has not started within 60 s',
    });
    await jest.advanceTimersByTimeAsync(60_000);
    await failure;
    expect(stops).toEqual(['a']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('at the start is abandoned if it ignores the signal', async () => {
    const stop = new AbortController();
    const started = startAll([sound('a'), component('b', { start: hang, stop: hang })], stop.signal, logger);
    const failure = expect(started).rejects.toMatchObject({ code: 'STOPPED' });
    stop.abort(new NephoscopeError('STOPPED', 'stopped by SIGTERM'));
    await jest.advanceTimersByTimeAsync(10_000);
    await failure;
    expect(stops).toEqual(['a']);
  });

  it('at the stop is logged and abandoned, and the others stop', async () => {
    const stopped = stopAll([sound('a'), component('b', { start: hang, stop: hang }), sound('c')], logger);
    const failure = expect(stopped).rejects.toMatchObject({
      code: 'STOP_FAILED',
      message: 'not stopped cleanly: b has not stopped within 5 s, and is left behind',
    });
    await jest.advanceTimersByTimeAsync(5_000);
    await failure;
    expect(stops).toEqual(['c', 'a']);
  });
});

describe('untilAborted', () => {
  it('resolves when the signal is aborted, or immediately if it was aborted before', async () => {
    const controller = new AbortController();
    const waiting = untilAborted(controller.signal);
    controller.abort();
    await waiting;
    await untilAborted(controller.signal);
  });
});
