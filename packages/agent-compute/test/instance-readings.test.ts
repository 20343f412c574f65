import type { InstanceReading } from '@nephoscope/core/instance';
import { Secret } from '@nephoscope/core/options';
import { lastReadingMessage, lastReadingSigner } from '@nephoscope/message';
import {
  exampleInstance,
  FakeBus,
  FakeClock,
  FakeDelivery,
  FakeInspector,
  instanceReading,
} from '@nephoscope/testing';

import { endIn } from '../src/nova-announcements.js';
import { createAgent, lines, metric, pollster, secret, temporaryFolder, ticks, until } from './support.js';
import type { AgentFields } from './support.js';

const root = temporaryFolder();
let count = 0;
const uuidOf = (id: number): string => `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`;
const reading = (id: number): InstanceReading => ({
  ...instanceReading(),
  instance: exampleInstance({ id: uuidOf(id), name: `instance-${id}` }),
});
const never = new AbortController().signal;

let volume = 0n;
/** A pollster whose volume of `compared` is 1 if there was an earlier reading. */
const one = pollster(
  'one',
  [{ name: 'used', type: 'cumulative', unit: 'ns', description: 'of the tests' }, 'compared'],
  function* ({ previous }) {
    yield { meter: 'used', volume: (volume += 1n) };
    yield { meter: 'compared', volume: previous === undefined ? 0 : 1 };
  },
  ['cpu'],
);

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.allSettled(stops.splice(0).map((stop) => stop()));
});

/** A running agent, after its first cycle with the instances given. */
async function running(host: readonly InstanceReading[], fields: Partial<AgentFields> = {}) {
  const bus = new FakeBus();
  const clock = new FakeClock();
  const inspector = new FakeInspector(host);
  const made = createAgent({
    stateDirectory: `${root}/${++count}`,
    pollsters: [one],
    ...fields,
    bus,
    clock,
    inspector,
    options: { interval: '1m', ...fields.options },
  });
  await inspector.start(never);
  await made.agent.start();
  const run = made.agent.run();
  stops.push(async () => {
    let done = false;
    const stopped = made.agent.stop().finally(() => (done = true));
    await until('it is stopped', async () => {
      await clock.advance(1_000);
      return done;
    });
    await Promise.all([stopped, run]);
  });
  await until('the first cycle is sent', () => lines(bus.confirmed).length === 2 * host.length);
  const samplesOf = (id: number, meter = 'used') =>
    lines(bus.confirmed).filter((line) => line['resource_id'] === uuidOf(id) && line['counter_name'] === meter);
  const results = (name: string, result: string) => metric(made.registry, `nephoscope_${name}_total`, { result });
  const signed = lastReadingSigner(secret, clock);
  const request = (id: number, reason: string) => ({
    ...{ instance: uuidOf(id), reason, announced: '2026-11-22 21:55:33.5' },
  });
  const ask = (id: number, reason = 'delete.start') =>
    bus.emit('nephoscope.last-reading.compute-1', signed('compute-1', request(id, reason)).body);
  const askUnsigned = (id: number, reason = 'delete.start') =>
    bus.emit('nephoscope.compute.compute-1', lastReadingMessage('compute-1', request(id, reason)).body);
  return { askUnsigned, request, ...made, bus, clock, inspector, samplesOf, results, ask };
}

/** Makes single readings wait until the test lets them continue. */
function hold(inspector: FakeInspector) {
  const inspect = inspector.inspectInstance.bind(inspector);
  const waiting: (() => void)[] = [];
  inspector.inspectInstance = async (id, parts, signal) => {
    await new Promise<void>((resolve, reject) => {
      waiting.push(resolve);
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
    return inspect(id, parts, signal);
  };
  return { waiting, goOn: () => waiting.splice(0).forEach((go) => go()) };
}

describe('the last reading', () => {
  it('is made at once when requested, and numbered and compared like any other', async () => {
    const { ask, bus, inspector, samplesOf, results, told } = await running([reading(1), reading(2)]);
    expect(bus.listening).toEqual(
      ['last-reading.compute-1', 'compute.compute-1'].map((key) => ({
        exchange: 'ceilometer',
        queue: `nephoscope.${key}`,
        bindings: [key],
        messageTtl: 5_000,
        maxMessages: 1_000,
      })),
    );
    ask(2);
    await until('it is sent', () => samplesOf(2).length === 2);
    expect(inspector.askedFor).toEqual([uuidOf(2)]);
    expect(samplesOf(1)).toHaveLength(1);
    expect(samplesOf(2, 'compared').map(({ counter_volume }) => counter_volume)).toEqual([0, 1]);
    const numbers = lines(bus.confirmed).map(({ sequence }) => sequence as number);
    expect(numbers.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(new Set(samplesOf(2).map(({ epoch }) => epoch)).size).toBe(1);
    expect(await results('last_readings', 'read')).toBe(1);
    expect(told('info')).toContain(
      'instance-2: the last reading, 2 samples (delete.start of 2026-11-22 21:55:33.5)',
    );
  });

  it('requested while it is being made is not repeated; requested later it is', async () => {
    const { ask, inspector, samplesOf } = await running([reading(1)]);
    const { waiting, goOn } = hold(inspector);
    ask(1, 'deleting');
    await until('it is under way', () => waiting.length === 1);
    ask(1);
    await ticks();
    expect(waiting).toHaveLength(1);
    goOn();
    await until('it is sent', () => samplesOf(1).length === 2);
    ask(1);
    await until('the next is under way', () => waiting.length === 1);
    goOn();
    await until('the next is sent', () => samplesOf(1).length === 3);
  });

  it('is made while a cycle hangs, and the next cycle is compared with it', async () => {
    const { ask, clock, inspector, samplesOf } = await running([reading(1)]);
    const inspect = inspector.inspect.bind(inspector);
    let goOn: () => void = () => undefined;
    inspector.inspect = async (...args) => {
      await new Promise<void>((resolve) => (goOn = resolve));
      return inspect(...args);
    };
    await clock.advance(60_000);
    await clock.advance(10);
    ask(1);
    await until('it is sent', () => samplesOf(1).length === 2);
    await clock.advance(10);
    inspector.inspect = inspect;
    goOn();
    await ticks();
    // The cycle asked first, so nobody knows whose figures are later.
    expect(samplesOf(1)).toHaveLength(2);
    await clock.advance(60_000);
    // In that minute it may also be read again because it has not ended: before the cycle, or by it.
    await until('the next cycle is sent', () => samplesOf(1).length >= 3);
    const compared = samplesOf(1, 'compared').map(({ counter_volume }) => counter_volume);
    expect(compared.slice(0, 3)).toEqual([0, 1, 1]);
  });

  it('is discarded if a reading of the whole host finished while it was in progress', async () => {
    const { ask, clock, inspector, samplesOf, results } = await running([reading(1)]);
    const { waiting, goOn } = hold(inspector);
    await clock.advance(59_990);
    ask(1);
    await until('it is under way', () => waiting.length === 1);
    await clock.advance(10);
    await until('the cycle is sent', () => samplesOf(1).length === 2);
    goOn();
    await until('it is done', async () => (await results('last_readings', 'covered')) === 1);
    expect(samplesOf(1)).toHaveLength(2);
  });

  it('of an instance that is gone, or does not answer, is empty, and the others are read', async () => {
    const { ask, inspector, results, samplesOf, told } = await running([reading(1), reading(2)]);
    ask(3);
    await until('it is gone', async () => (await results('last_readings', 'gone')) === 1);
    inspector.now = new Error('it hangs');
    ask(1);
    await until('it failed', async () => (await results('last_readings', 'failed')) === 1);
    expect(told('warn')).toEqual([expect.stringContaining('no last reading')]);
    inspector.now = [reading(2)];
    ask(2);
    await until('another is sent', () => samplesOf(2).length === 2);
  });

  it('after a successful one raises no alarm if it is not answered, and does not fill the log', async () => {
    const { ask, clock, inspector, results, samplesOf, told } = await running([reading(1)]);
    ask(1, 'deleting');
    await until('it is sent', () => samplesOf(1).length === 2);
    inspector.now = new Error('it hangs');
    ask(1, 'delete.start');
    await until('it failed', async () => (await results('last_readings', 'failed')) === 1);
    for (let again = 2; again <= 4; again += 1) {
      await clock.advance(2_000);
      await until('it failed again', async () => (await results('last_readings', 'failed')) === again);
    }
    expect(told('warn')).toEqual([]);
    expect(told('info').filter((line) => line.includes('it hangs'))).toHaveLength(1);
  });

  it('that hangs delays no others, and ends with the agent', async () => {
    const { ask, inspector, samplesOf, agent, clock } = await running([1, 2, 3, 4, 5].map(reading));
    const inspect = inspector.inspectInstance.bind(inspector);
    inspector.inspectInstance = (id, parts, signal) =>
      id === uuidOf(5) ? inspect(id, parts, signal) : new Promise(() => undefined);
    for (const id of [1, 2, 3]) ask(id);
    ask(5);
    await until('it is sent', () => samplesOf(5).length === 2);
    const stopped = agent.stop();
    await clock.advance(10_000);
    await stopped;
  });

  it('can be disabled', async () => {
    const { bus, inspector } = await running([reading(1)], { options: { lastReading: 'off' } });
    inspector.emit({ instanceId: uuidOf(1), kind: 'stopping' });
    await ticks();
    expect(bus.listening).toEqual([]);
    expect(inspector.askedFor).toEqual([]);
  });
});

describe('an unsigned request', () => {
  it('is served, be it from an older collector, from nova or with a wrong clock', async () => {
    const { askUnsigned, bus, clock, request, samplesOf, told } = await running([1, 2, 3].map(reading));
    const early = { now: () => clock.now() - 61_000_000_000n };
    const untimely = lastReadingSigner(secret, early)('compute-1', request(2, 'deleting'));
    const wrong = lastReadingSigner(new Secret('another'), clock)('compute-1', request(3, 'deleting'));
    askUnsigned(1);
    for (const { body } of [untimely, wrong]) bus.emit('nephoscope.last-reading.compute-1', body);
    await until('all are sent', () => [1, 2, 3].every((id) => samplesOf(id).length === 2));
    await clock.advance(60_000);
    expect(told().filter((line) => line.startsWith('requests for last readings'))).toEqual([
      'requests for last readings, since the last such line: 1 without a signature',
      'requests for last readings, since the last such line: 1 signed more than a minute ago or ahead: compare the clocks, 1 with a wrong signature',
    ]);
  });

  it('in a flood is limited, while signed ones, or ones for instances on this host, are served at once', async () => {
    const { ask, askUnsigned, clock, inspector, results, samplesOf, told } = await running([1, 2, 3].map(reading));
    for (let id = 1_000; id < 21_000; id += 1) askUnsigned(id);
    askUnsigned(3);
    ask(2);
    await until('the signed one is sent', () => samplesOf(2).length === 2);
    await clock.advance(500);
    await until('the one that is here is sent', () => samplesOf(3).length === 2);
    // The first ones used the places that were free.
    expect(inspector.askedFor.length).toBeLessThan(20);
    const asked = inspector.askedFor.length;
    await clock.advance(500);
    await until('one more each half second', () => inspector.askedFor.length > asked);
    expect(inspector.askedFor.at(-1)! > uuidOf(20_980)).toBe(true);
    await clock.advance(60_000);
    expect(await results('last_readings', 'dropped')).toBeGreaterThan(19_000);
    const lines = told().filter((line) => line.startsWith('requests for last readings'));
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/: 20000 without a signature, 19\d\d\d dropped because there were too many$/);
    expect(told('info').filter((line) => line.includes('no longer on this host'))).toEqual([]);
  });

  it('causes repeated readings of at most ten instances until they end', async () => {
    const all = Array.from({ length: 30 }, (_, index) => reading(index + 1));
    const { askUnsigned, clock, inspector } = await running(all);
    for (let id = 1; id <= 30; id += 1) askUnsigned(id);
    const read = (from = 0) => new Set(inspector.askedFor.slice(from)).size;
    for (let served = 10; served < 30; served += 1) {
      await until('the next is read', () => read() >= served);
      await clock.advance(500);
    }
    await until('the last is read', () => read() === 30);
    await ticks(20);
    const before = inspector.askedFor.length;
    for (let again = 0; again < 3; again += 1) {
      await clock.advance(2_000);
      await ticks(20);
    }
    await until('those are read again', () => read(before) === 10);
    await clock.advance(2_000);
    await ticks(20);
    expect(read(before)).toBe(10);
  });
});

describe('a signed request', () => {
  it('is served once, however often it arrives', async () => {
    const { bus, clock, request, inspector, registry, samplesOf } = await running([reading(1)]);
    const { body } = lastReadingSigner(secret, clock)('compute-1', request(1, 'deleting'));
    bus.emit('nephoscope.last-reading.compute-1', body);
    await until('it is sent', () => samplesOf(1).length === 2);
    for (let again = 0; again < 100; again += 1) bus.emit('nephoscope.last-reading.compute-1', body);
    await ticks();
    expect(inspector.askedFor).toHaveLength(1);
    expect(await metric(registry, 'nephoscope_last_reading_requests_heard_total', { kind: 'replayed' })).toBe(100);
  });

  it('for one instance is served as often as nova can announce its ends, and then like unsigned ones', async () => {
    const { ask, inspector, samplesOf, told } = await running([reading(1)]);
    for (let times = 1; times <= 51; times += 1) {
      ask(1);
      const readings = Math.min(times, 50);
      await until('it is sent', () => samplesOf(1).length === readings + 1);
      await ticks();
    }
    expect(inspector.askedFor).toHaveLength(50);
    expect(told('warn')).toContain(
      'requests for last readings, since the last such line: 1 for an instance that had 40 in 75 s',
    );
  });
});

describe('an instance whose announced end has not happened', () => {
  const second = 1_000_000_000n;
  const run = (id: number, name: string | undefined) => {
    const one = reading(id);
    const { run: _, ...instance } = one.instance;
    return { ...one, instance: { ...instance, ...(name !== undefined && { run: name }) } as typeof one.instance };
  };

  it('is read again every 2 s until it ends; other instances are not', async () => {
    const { ask, clock, inspector, samplesOf } = await running([reading(1), reading(2)]);
    ask(1, 'powering-off');
    await until('it is sent', () => samplesOf(1).length === 2);
    for (let readings = 3; readings <= 5; readings += 1) {
      await clock.advance(2_000);
      await until('it is sent again', () => samplesOf(1).length === readings);
    }
    inspector.emit({ instanceId: uuidOf(1), kind: 'stopped' });
    await clock.advance(2_000);
    await clock.advance(2_000);
    await ticks();
    expect(inspector.askedFor).toEqual([uuidOf(1), uuidOf(1), uuidOf(1), uuidOf(1)]);
    expect(samplesOf(2)).toHaveLength(1);
  });

  it.each([
    ['it is shut off', undefined],
    ['it has begun another run', 'boot/2'],
  ])('is not read again when a reading shows that %s', async (_, name) => {
    const { ask, clock, inspector, samplesOf } = await running([run(1, 'boot/1')]);
    ask(1, 'reboot.start');
    await until('it is sent', () => samplesOf(1).length === 2);
    inspector.now = [run(1, name)];
    await ticks();
    await clock.advance(2_000);
    await until('it is sent again', () => samplesOf(1).length === 3);
    await ticks();
    await clock.advance(2_000);
    await clock.advance(2_000);
    await ticks();
    expect(inspector.askedFor).toHaveLength(2);
  });

  it('is not read again after 75 s, and no timer remains', async () => {
    const { ask, clock, inspector, samplesOf } = await running([reading(1)], { options: { interval: '1h' } });
    const from = clock.now();
    ask(1, 'powering-off');
    for (let last = 0; clock.now() - from < 200n * second; last = inspector.askedFor.length) {
      await until('it is done', () => samplesOf(1).length === inspector.askedFor.length + 1 || last < 0);
      await clock.advance(2_000);
      await ticks();
    }
    expect(inspector.askedFor).toHaveLength(38);
  });

  it('serves those first whose end is announced now, when 40 are stopped at once', async () => {
    const all = Array.from({ length: 40 }, (_, index) => reading(index + 1));
    const { ask, clock, inspector, samplesOf } = await running(all);
    for (const { instance } of all.slice(1)) ask(Number(instance.id.slice(-12)), 'powering-off');
    await until('all are read', () => inspector.askedFor.length === 39);
    await until('all are sent', () => all.slice(1).every((_, index) => samplesOf(index + 2).length === 2));
    const { waiting, goOn } = hold(inspector);
    await clock.advance(2_000);
    await until('three are under way', () => waiting.length === 3);
    ask(1, 'delete.start');
    await until('this one too', () => waiting.length === 4);
    await until('all are read again', async () => {
      goOn();
      await ticks();
      return inspector.askedFor.length === 79;
    });
    expect(inspector.askedFor.filter((id) => id === uuidOf(7))).toHaveLength(2);
  });
});

describe('events of the hypervisor', () => {
  it('cause a reading of an instance that has started or is stopping', async () => {
    const { inspector, results, samplesOf, clock } = await running([]);
    inspector.now = [reading(1)];
    inspector.emit({ instanceId: uuidOf(1), kind: 'started' });
    await until('it is sent', () => samplesOf(1).length === 1);
    await clock.advance(1_000);
    inspector.emit({ instanceId: uuidOf(1), kind: 'stopping' });
    await until('it is sent again', () => samplesOf(1).length === 2);
    inspector.emit({ instanceId: uuidOf(1), kind: 'stopped' });
    await ticks();
    expect(inspector.askedFor).toHaveLength(2);
    expect(await results('first_readings', 'read')).toBe(1);
    expect(await results('last_readings', 'read')).toBe(1);
    expect(samplesOf(1, 'compared').map(({ counter_volume }) => counter_volume)).toEqual([0, 1]);
  });

  it('about 500 starts at once cause few readings, and do not delay an instance that ends', async () => {
    const all = Array.from({ length: 500 }, (_, index) => reading(index + 1));
    const { inspector, samplesOf, clock, bus, ask } = await running([]);
    inspector.now = all;
    inspector.inspect = () => Promise.resolve(all);
    const { waiting, goOn } = hold(inspector);
    for (const { instance } of all) inspector.emit({ instanceId: instance.id, kind: 'started' });
    await ticks();
    expect(waiting.length).toBeLessThan(4);
    ask(499);
    await until('the last one is under way too', () => waiting.length === 4);
    goOn();
    await until('all are sent', async () => {
      await clock.advance(1_000);
      goOn();
      return samplesOf(499).length > 0 && lines(bus.confirmed).length >= 1_000;
    });
    expect(inspector.askedFor.length).toBeLessThan(10);
  });
});

describe('an agent that listens to notifications', () => {
  const announcement = (fields: Record<string, unknown>, wrapped = true) => {
    const inner = JSON.stringify({ timestamp: '2026-11-22 21:55:33.5', message_id: 'm', ...fields });
    return Buffer.from(wrapped ? JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': inner }) : inner);
  };
  const starts = (host: string) => ({
    event_type: 'compute.instance.delete.start',
    payload: { instance_id: uuidOf(1), host },
  });

  it('reads only instances of its own host that end', async () => {
    const { bus, inspector, samplesOf } = await running([reading(1)], {
      options: { lastReading: 'nova' },
    });
    const queue = 'nephoscope.compute.compute-1.announcements';
    expect(bus.declared).toContainEqual(
      expect.objectContaining({
        queue,
        exchange: 'nova',
        exchangeOwner: 'service',
        bindings: ['notifications.info'],
      }),
    );
    const [other, own] = ['compute-2', 'compute-1'].map(
      (host) => new FakeDelivery({ queue, body: announcement(starts(host)) }),
    );
    bus.send(other!, own!);
    await until('it is sent', () => samplesOf(1).length === 2);
    expect([other!.outcome, own!.outcome]).toEqual(['ack', 'ack']);
    expect(inspector.askedFor).toHaveLength(1);
  });

  it.each([
    [{ exchange: ['a', 'b'], topics: ['x', 'y'] }, ['a', 'b'], ['x.info', 'y.info']],
    [{ format: 'versioned' as const }, ['nova'], ['versioned_notifications.info']],
  ])('listens where the configuration says that nova publishes: %j', async (nova, exchanges, bindings) => {
    const { bus } = await running([reading(1)], { options: { lastReading: 'nova' }, nova });
    const heard = bus.declared.filter(({ queue }) => queue.endsWith('.announcements'));
    expect(heard.map((one) => [one.exchange, one.bindings])).toEqual(exchanges.map((one) => [one, bindings]));
  });

  it.each([
    ['not JSON', Buffer.from('{')],
    ['not UTF-8', Buffer.from([0xff, 0xfe])],
    ['not an object', Buffer.from('[1]')],
    ['without a payload', announcement({ event_type: 'compute.instance.delete.start' })],
    ['with null as its host', announcement({ ...starts('x'), payload: { instance_id: uuidOf(1), host: null } })],
    ['another event', announcement({ ...starts('compute-1'), event_type: 'compute.instance.delete.end' })],
    ['__proto__', Buffer.from('{"__proto__":{"event_type":"instance.delete.start","timestamp":"","payload":{}}}')],
  ])('ignores a notification that is %s', (_, body) => {
    expect(endIn(body)).toBeUndefined();
  });

  it.each([
    ['more than 256 KiB', { text: 'x'.repeat(256 * 1024) }],
    ['more than 1,000 members', Object.fromEntries(Array.from({ length: 1_000 }, (_, key) => [`${key}`, 0]))],
  ])('ignores a notification with %s', (_, more) => {
    const { payload, ...starting } = starts('compute-1');
    const fields = { ...starting, payload: { ...payload, more } };
    expect(endIn(announcement(fields))).toBeUndefined();
    expect(endIn(announcement(fields, false))).toBeUndefined();
  });

  it('accepts a notification of an instance with 128 long metadata', () => {
    const { payload, ...starting } = starts('compute-1');
    const metadata = Object.fromEntries(
      Array.from({ length: 128 }, (_, key) => [`${key}`.padEnd(255), 'ü'.repeat(255)]),
    );
    expect(endIn(announcement({ ...starting, payload: { ...payload, metadata } }))).toMatchObject({
      host: 'compute-1',
    });
  });

  it('accepts a notification without an envelope', () => {
    expect(endIn(announcement(starts('compute-1'), false))).toMatchObject({ host: 'compute-1' });
  });
});
