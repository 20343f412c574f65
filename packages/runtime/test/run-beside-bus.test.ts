import { NephoscopeError } from '@nephoscope/core';
import { FakeBus, RecordingLogger } from '@nephoscope/testing';

import { runBesideBus, untilAborted } from '../src/index.js';
import type { Component } from '../src/index.js';
import { waitUntil } from '../../../tools/testbed/processes.js';

function program() {
  const bus = new FakeBus();
  const steps: string[] = [];
  const stopped = new AbortController();
  bus.stop = async () => void steps.push('bus stopped');
  const part: Component = {
    name: 'part',
    start: async () => void steps.push('started'),
    stop: async () => void steps.push('stopped'),
  };
  const run = async () => {
    steps.push('running');
    await untilAborted(stopped.signal);
  };
  const start = (parts: Partial<Parameters<typeof runBesideBus>[0]> = {}) =>
    runBesideBus({
      bus,
      components: [part],
      run,
      stopped: stopped.signal,
      logger: new RecordingLogger(),
      ...parts,
    });
  return { bus, part, steps, start, stop: () => stopped.abort(new NephoscopeError('STOPPED', 'stopped')) };
}

describe('runBesideBus', () => {
  it('runs while the bus has not started, and stops everything, the bus last', async () => {
    const { bus, steps, start, stop } = program();
    bus.start = () => new Promise(() => undefined);
    const running = start();
    await waitUntil('it runs', () => steps.includes('running'));
    stop();
    await running;
    expect(steps).toEqual(['started', 'running', 'stopped', 'bus stopped']);
  });

  it('fails if the bus fails', async () => {
    const { bus, steps, start } = program();
    bus.start = () => Promise.reject(new NephoscopeError('BUS_REFUSED', 'wrong password'));
    await expect(start()).rejects.toMatchObject({ code: 'BUS_REFUSED' });
    expect(steps).toContain('bus stopped');
  });

  it('fails if a component fails, and ends when the work is finished', async () => {
    const { part, steps, start } = program();
    const failing = { ...part, start: () => Promise.reject(new NephoscopeError('PORT_TAKEN', 'taken')) };
    await expect(start({ components: [failing] })).rejects.toMatchObject({ code: 'PORT_TAKEN' });
    expect(steps).toContain('bus stopped');
    await start({ run: () => Promise.resolve() });
    await expect(start({ run: () => Promise.reject(new Error('defect')) })).rejects.toThrow('defect');
  });
});
