import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { FakeBus } from '@nephoscope/testing';

import { counted, refuse, ticks, until } from '../support.js';
import { never, onDisk, plain, textOf } from './support.js';
import { numbered, numbers, spooling } from './spooling.js';

it('holds messages on disk before they are sent, in the documented format', async () => {
  const { append, records, send, spool } = await spooling({ sequence: 4n });
  await append(plain('a', 5n), plain('b', 6n));
  expect(records()).toEqual([
    { kind: 'segment', sequence: 4n },
    { kind: 'append', messages: 2 },
    { kind: 'message', message: plain('a', 5n) },
    { kind: 'message', message: plain('b', 6n) },
  ]);
  const { bus, sender } = send();
  await sender.flush(never);
  expect(bus.confirmed.map(textOf)).toEqual(['a', 'b']);
  expect(spool.held + sender.inFlight).toBe(0);
  await until('it is noted', () => records().at(-1)?.kind === 'confirmed');
});

it('sends what was just appended from memory, with the same bytes', async () => {
  const { append, send } = await spooling();
  const message = plain('a');
  await append(message);
  const { bus, sender } = send();
  await sender.flush(never);
  expect(bus.offered[0]!.body).toBe(message.body);
});

describe('a long outage', () => {
  it('keeps only a few messages in memory, and then sends all in order, new ones included', async () => {
    const { append, folder, send, spool, clock } = await spooling({ maxBytes: 16 * 64 * 1024 });
    const bus = new FakeBus();
    bus.answer = refuse;
    const { sender } = send(bus);
    const size = 4_000;
    let held = 0;
    let next = 1;
    for (; next <= 200; next += 5) {
      await append(...numbered(next, 5, size));
      await clock.advance(1_000);
      held = Math.max(held, spool.held + sender.inFlight);
    }
    const disk = onDisk(folder);
    expect(disk.length).toBeGreaterThan(5);
    // The messages being sent, and half as many.
    expect(held * size).toBeLessThanOrEqual(2 * spool.segmentBytes);
    expect(new Set(bus.offered.map(textOf)).size * size).toBeLessThan(spool.segmentBytes + size);

    bus.answer = () => Promise.resolve();
    const before = bus.offered.length;
    for (let turn = 0; turn < 10; turn++) {
      await append(...numbered(next, 5, size));
      next += 5;
      await clock.advance(1_000);
      held = Math.max(held, spool.held + sender.inFlight);
    }
    await until('all is sent', async () => {
      await clock.advance(1_000);
      return spool.isEmpty;
    });
    expect(numbers(bus.offered.slice(before))).toEqual(counted(next - 1));
    await until('it is removed', () => onDisk(folder).length === 1);
    expect(held * size).toBeLessThanOrEqual(2.5 * spool.segmentBytes);
  });

  it('keeps the order when single messages are refused', async () => {
    const { append, send, clock, spool } = await spooling();
    const bus = new FakeBus();
    let tries = 0;
    bus.answer = () => (++tries % 7 === 3 ? refuse() : Promise.resolve());
    send(bus);
    for (let next = 1; next <= 100; next += 10) {
      await append(...numbered(next, 10));
      await clock.advance(700);
    }
    await until('all is sent', async () => {
      await clock.advance(1_000);
      return spool.isEmpty;
    });
    expect(numbers(bus.confirmed).sort((a, b) => a - b)).toEqual(counted(100));
  });
});

it('makes its files inaccessible to other users', async () => {
  const { append, folder } = await spooling();
  await append(plain('x'));
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
  expect(statSync(folder).mode & 0o077).toBe(0);
});

it('sends new messages while an earlier one gets no answer', async () => {
  const { append, send } = await spooling();
  const bus = new FakeBus();
  bus.answer = ({ body }) => (textOf({ body }) === 'hung' ? new Promise(() => undefined) : Promise.resolve());
  send(bus);
  await append(plain('hung'));
  await ticks();
  await append(plain('next'));
  await until('the next is sent', () => bus.confirmed.length === 1);
});
