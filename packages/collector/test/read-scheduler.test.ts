import { performance } from 'node:perf_hooks';

import { createVerifier, meteringContentType, meteringTopology } from '@nephoscope/message';

import { KnownMessages } from '../src/known/known-messages.js';
import { FakeDelivery } from '@nephoscope/testing';

import { reading, refusing } from '../src/intake.js';
import { ReadScheduler } from '../src/read-scheduler.js';
import type { ReadSchedulerParts } from '../src/read-scheduler.js';
import { line, secret, until } from './support.js';

// Slices end after a number of reading steps, not depending on the load of the machine.
const { now } = performance;
let time = 0;
beforeAll(() => {
  performance.now = () => (time += 0.05);
});
afterAll(() => {
  performance.now = now;
});

const readers = { messages: new KnownMessages(), verifier: createVerifier({ secrets: [secret] }) };
const { queue } = meteringTopology;

/** Its lines have wrong signatures, so that all of it must be read. */
const sized = (bytes: number) => {
  const one = line().replace(/[0-9a-f]{64}/, '0'.repeat(64));
  const body = Buffer.from(`${one}\n`.repeat(Math.ceil(bytes / one.length)).slice(0, bytes));
  return new FakeDelivery({ queue, contentType: meteringContentType, body });
};
const small = () => sized(2_000);

function schedulerOf({ isFull = () => false, unpack = never }: Partial<ReadSchedulerParts> = {}) {
  const dropped: unknown[] = [];
  const waits = new Set<unknown>();
  const scheduler = new ReadScheduler({
    prefetch: 10,
    read: (delivery) => reading(delivery, readers),
    unpack,
    onDropped: (delivery) => dropped.push(delivery),
    onWaits: (delivery, is) => (is ? waits.add(delivery) : waits.delete(delivery)),
    isFull,
  });
  /** The delivery that a turn finished reading; undefined for a turn without work. */
  const read = () => {
    const intake = scheduler.next();
    return intake === undefined || intake === 'unfinished' ? intake : intake.delivery;
  };
  return { scheduler, dropped, waits, read };
}
const never = () => new Promise<never>(() => undefined);

it('reads short messages before long ones, in whatever order they arrive', () => {
  const { scheduler, read } = schedulerOf();
  const [large, middle, one, other] = [sized(3_000_000), sized(300_000), small(), small()];
  for (const delivery of [large, middle, one, other]) scheduler.add(delivery);
  expect([read(), read()]).toEqual([one, other]);
  const order: unknown[] = [];
  for (let next = read(); next !== undefined; next = read()) if (next !== 'unfinished') order.push(next);
  expect(order).toEqual([middle, large]);
});

it('gives a long message a turn now and then while short ones keep arriving', () => {
  const { scheduler, read } = schedulerOf();
  const long = sized(200_000);
  scheduler.add(long);
  let read0: unknown;
  for (let n = 0; n < 100_000 && read0 !== long; n++) {
    scheduler.add(small());
    read0 = read();
  }
  expect(read0).toBe(long);
});

it('reads a message that begins with bad ones last and, if there are many, not to its end; all of it becomes one dead letter', () => {
  const { scheduler, read } = schedulerOf();
  const many = Array.from({ length: 20 }, () => sized(100_000));
  const good = Buffer.from(`${line()}\n`.repeat(100));
  const valid = new FakeDelivery({ queue, contentType: meteringContentType, body: good });
  for (const delivery of [...many, valid]) scheduler.add(delivery);
  const ended: unknown[] = [];
  while (!ended.includes(valid)) {
    const intake = scheduler.next();
    if (intake === undefined || intake === 'unfinished') continue;
    ended.push(intake.delivery);
    if (intake.delivery === valid) expect(intake.samples).toHaveLength(100);
    else expect(intake.refusals).toMatchObject([{ kind: 'signature-wrong', count: expect.any(Number) as number }]);
    // The dead letter is the whole delivery.
    for (const { bytes, count } of intake.refusals) expect([bytes, count < 100]).toEqual([undefined, true]);
  }
  // Some are left, and are read completely when there is nothing else to read.
  expect(ended.length).toBeGreaterThan(5);
  expect(ended.length).toBeLessThan(15);
  const left: unknown[] = [];
  for (let next = read(); next !== undefined; next = read()) if (next !== 'unfinished') left.push(next);
  expect(new Set([...ended, ...left])).toEqual(new Set([...many, valid]));
});

it('reads a message completely whose bad lines precede good ones, if no others arrive', () => {
  const { scheduler } = schedulerOf();
  const bad = line().replace(/[0-9a-f]{64}/, '0'.repeat(64));
  const text = `${`${bad}\n`.repeat(80)}${line()}\n`;
  scheduler.add(new FakeDelivery({ queue, contentType: meteringContentType, body: Buffer.from(text) }));
  let intake: ReturnType<typeof scheduler.next>;
  do intake = scheduler.next();
  while (intake === 'unfinished');
  expect(intake?.samples).toHaveLength(1);
  expect(intake?.refusals).toHaveLength(80);
});

it('begins no second large message while one is being read, and none while earlier ones are being recorded', () => {
  let isFull = false;
  const { scheduler, read } = schedulerOf({ isFull: () => isFull });
  const [one, other] = [sized(2_000_000), sized(2_000_000)];
  scheduler.add(one);
  scheduler.add(other);
  let first: unknown;
  do first = read();
  while (first === 'unfinished');
  expect(first).toBe(one);
  isFull = true;
  expect(read()).toBeUndefined();
  isFull = false;
  do first = read();
  while (first === 'unfinished');
  expect(first).toBe(other);
});

it('reads others while a message is decompressed, and decompresses the next one when that has been read', async () => {
  const begun: unknown[] = [];
  let finish: () => void = () => undefined;
  const { scheduler, read } = schedulerOf({
    unpack: async (delivery) => {
      begun.push(delivery);
      await new Promise<void>((resolve) => (finish = resolve));
      return refusing(delivery, new Error('damaged'));
    },
  });
  const packed = [1, 2].map(() => new FakeDelivery({ queue, body: Buffer.from('x'), compression: 'gzip' }));
  const one = small();
  for (const delivery of [...packed, one]) scheduler.add(delivery);
  expect([read(), read()]).toEqual([one, undefined]);
  await until('the first is taken', () => begun.length === 1);
  finish();
  await until('it is read', () => read() === packed[0]);
  await until('the second is taken', () => begun.length === 2);
  finish();
  await until('it is read', () => read() === packed[1]);
});

it('does not decompress large messages while 16 MiB wait for it: they go to the dead letters unchanged', async () => {
  const { scheduler } = schedulerOf();
  const packed = (bytes: number) => new FakeDelivery({ queue, body: Buffer.alloc(bytes), compression: 'bzip2' });
  const waiting = Array.from({ length: 6 }, () => packed(3 * 1024 * 1024));
  const large = packed(2 * 1024 * 1024);
  const usual = packed(200_000);
  for (const delivery of [...waiting, large, usual]) scheduler.add(delivery);
  const intake = scheduler.next();
  expect(intake).toMatchObject({ delivery: large, refusals: [{ kind: 'unreadable' }] });
  expect(scheduler.next()).toBeUndefined();
  await Promise.resolve();
  expect(new Set(scheduler.drain())).toEqual(new Set([...waiting, usual]));
});

it('leaves out messages that are gone, and on stop returns all that were not read', async () => {
  const { scheduler, dropped, read } = schedulerOf();
  const [gone, large, one] = [sized(300_000), sized(2_000_000), small()];
  const packed = new FakeDelivery({ queue, body: Buffer.from('x'), compression: 'gzip' });
  for (const delivery of [gone, large, one, packed]) scheduler.add(delivery);
  gone.isGone = true;
  expect(read()).toBe(one);
  expect(dropped).toEqual([gone]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(new Set(scheduler.drain())).toEqual(new Set([large, packed]));
  expect(read()).toBeUndefined();
});
