import { join } from 'node:path';

import { NephoscopeError } from '@nephoscope/core';
import type { Health } from '@nephoscope/core';
import { FakeBus } from '@nephoscope/testing';

import { temporaryFolder, until } from '../support.js';
import { never, openSpool, plain } from './support.js';

const root = temporaryFolder();

class BusWithHealth extends FakeBus {
  state: Health = { ok: true };
  override health = () => this.state;
}

describe('the reason why samples wait', () => {
  it('is the current one of the bus, and the next attempt is immediate when the bus recovers', async () => {
    const { spool, send, clock, told } = await openSpool({ folder: join(root, 'causes') });
    const bus = new BusWithHealth();
    const refuse = (reason: string) => {
      bus.state = { ok: false, reason };
      bus.answer = () => Promise.reject(new NephoscopeError('BUS_UNAVAILABLE', reason));
    };
    refuse('the queue is full');
    const { sender } = send(bus);
    await spool.append([plain('a')], never);
    // Longer than the longest pause.
    for (let minute = 0; minute < 2; minute++)
      await until('it waits', () => clock.sleepers > 0).then(() => clock.advance(60_000));
    await until('it waits', () => clock.sleepers > 0);
    expect(sender.health()).toEqual({ ok: false, reason: '1 samples are waiting: the queue is full' });
    expect(told('warn')).toEqual([
      expect.stringMatching(/^samples are waiting; next attempt in 0\.\d+ s: the queue is full$/),
    ]);

    refuse('RabbitMQ is low on disk');
    expect(sender.health()).toEqual({ ok: false, reason: '1 samples are waiting: RabbitMQ is low on disk' });

    bus.state = { ok: true };
    bus.answer = () => Promise.resolve();
    const warned = told('warn').length;
    await clock.advance(500);
    await until('it is sent', () => spool.isEmpty);
    expect(sender.health()).toEqual({ ok: true });
    expect(told('warn')).toHaveLength(warned);
    sender.stop();
    await spool.close();
  });
});
