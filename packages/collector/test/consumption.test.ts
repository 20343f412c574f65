import { FakeBus, FakeClock, FakeDelivery, RecordingLogger } from '@nephoscope/testing';

import { Consumption } from '../src/consumption.js';
import { until } from './support.js';

const queue = 'metering';
const sized = (bytes: number) => new FakeDelivery({ queue, body: Buffer.alloc(bytes) });

/** A consumer that settles nothing by itself; `held` is what was delivered to it. */
async function consuming(prefetch: number, maxBytes: number) {
  const bus = new FakeBus();
  const held: FakeDelivery[] = [];
  const windows: number[] = [];
  const consume = bus.consume.bind(bus);
  bus.consume = (name, options, handler) => {
    windows.push(options.prefetch);
    return consume(name, options, handler);
  };
  const consumption = new Consumption({
    bus,
    queue,
    prefetch,
    maxBytes,
    handler: (delivery) => held.push(delivery as FakeDelivery),
    clock: new FakeClock(),
    logger: new RecordingLogger(),
  });
  await consumption.start();
  const settle = (...deliveries: readonly FakeDelivery[]) => {
    for (const delivery of deliveries) {
      held.splice(held.indexOf(delivery), 1);
      consumption.release(delivery);
      delivery.ack();
    }
  };
  return { bus, consumption, held, settle, windows };
}

it('returns at once what exceeds its limit of bytes, and then consumes with a smaller prefetch', async () => {
  const { bus, consumption, held, settle, windows } = await consuming(100, 1_000);
  const large = Array.from({ length: 20 }, () => sized(400));
  bus.send(...large);
  expect(held).toHaveLength(4);
  expect(large.filter(({ outcome }) => outcome === 'requeue').length).toBe(16);
  await new Promise((resolve) => setImmediate(resolve));
  expect(windows).toEqual([100]);
  settle(...held);
  await until('it consumes again', () => windows.length === 2);
  expect(windows[1]).toBe(1);
  await consumption.stop();
});

it('increases the prefetch again while messages are small', async () => {
  const { bus, consumption, held, settle, windows } = await consuming(100, 100_000);
  bus.send(...Array.from({ length: 4 }, () => sized(40_000)));
  await new Promise((resolve) => setImmediate(resolve));
  settle(...held);
  await until('it consumes again', () => windows.length === 2);
  for (let n = 0; n < 2_000 && windows.at(-1)! < 100; n++) {
    bus.send(sized(100));
    settle(...held);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(windows).toEqual([100, 1, 2, 4, 8, 16, 32, 64, 100]);
  await consumption.stop();
});

it('accepts other messages beside one that alone exceeds the limit of bytes', async () => {
  const { bus, consumption, held } = await consuming(100, 1_000);
  bus.send(sized(5_000), ...Array.from({ length: 9 }, () => sized(100)));
  expect(held).toHaveLength(10);
  bus.send(sized(5_000));
  expect(held).toHaveLength(11);
  const next = sized(100);
  bus.send(next);
  expect(next.outcome).toBe('requeue');
  await consumption.stop();
});

it('replaces messages that are set aside with others, up to five eighths of its bytes', async () => {
  const { bus, consumption, held, windows } = await consuming(4, 1_000);
  bus.send(...Array.from({ length: 200 }, () => sized(10)));
  for (let rounds = 0; rounds < 20; rounds++) {
    for (const delivery of held.splice(0)) consumption.setBy(delivery, true);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const setBy = 200 - bus.waiting.length;
  expect(setBy).toBeGreaterThanOrEqual(62);
  expect(setBy).toBeLessThanOrEqual(100);
  expect(Math.max(...windows)).toBeLessThanOrEqual(50);
  await consumption.stop();
});
