import type { Counter } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';
import {
  createSigner,
  createVerifier,
  derivedMessageId,
  readMeteringMessage,
  signMeteringMessage,
} from '@nephoscope/message';

import { FakeDelivery, failing, ids, line, metric, secret, started, until } from './support.js';

const announcedId = derivedMessageId('notification', 'openstack', 'volume.create.end victim');

/** A sample that a collector made from one of cinder's notifications. */
function announced(changes: Partial<Counter> = {}, publisherId = 'collector.host-1'): string {
  const counter: Counter = {
    name: 'volume.size',
    type: 'gauge',
    unit: 'GB',
    volume: 1_000,
    userId: 'u1',
    projectId: 'p1',
    resourceId: 'victim',
    timestamp: 1_795_381_200_000_000_000n,
    resourceMetadata: { host: 'volume.h1' },
    ...changes,
  };
  const signer = createSigner({ secret, form: 'canonical' });
  return signMeteringMessage(counter, { source: 'openstack', messageId: announcedId, publisherId }, signer);
}

/** Sends them one after another; resolves with the reasons of the dead letters. */
async function sent(running: Awaited<ReturnType<typeof started>>, ...lines: readonly string[]) {
  const deliveries = lines.map((text) => new FakeDelivery(text));
  for (const delivery of deliveries) {
    running.bus.send(delivery);
    await until('it is settled', () => delivery.outcome === 'ack');
  }
  return deliveries.flatMap(({ dead }) => dead.map(({ reason }) => reason));
}

const conflicts = 'nephoscope_collector_samples_conflicting_total';
const figuresOf = (samples: readonly Sample[]) => samples.map(({ volume, projectId }) => `${volume} ${projectId}`);

describe('two messages with the same id', () => {
  it.each([
    ['the volume', { volume: 7n }, 'counter_volume is 1 and not 7'],
    ['the volume, within one delivery', { volume: 7n }, 'counter_volume is 1 and not 7'],
  ])(
    'if they differ in %s, the second is a dead letter, which is counted and logged',
    async (what, changes, difference) => {
      const running = await started();
      const [one, other] = [line({ id: 'same' }), line({ id: 'same', ...changes })];
      const dead = what.includes('within')
        ? await (async () => {
            const delivery = new FakeDelivery(one, other, line({ id: 'good' }));
            running.bus.send(delivery);
            await until('it is settled', () => delivery.outcome === 'ack');
            expect(Buffer.from(delivery.dead[0]!.body).toString()).toBe(other);
            return delivery.dead.map(({ reason }) => reason);
          })()
        : await sent(running, one, other, line({ id: 'good' }));
      expect(dead).toEqual([`conflict: a different one is recorded under the message id same: ${difference}`]);
      expect(ids(running.store.recorded)).toEqual(['same', 'good']);
      expect(figuresOf(running.store.recorded)).toEqual(['1 p', '1 p']);
      expect(await metric(running.registry, conflicts)).toBe(1);
      expect(
        await metric(running.registry, 'nephoscope_collector_samples_refused_total', { reason: 'conflict' }),
      ).toBe(1);
      expect(running.told('warn')).toEqual([expect.stringContaining(difference)]);
    },
  );

  it('do not conflict if one repeats the other, however it is formatted', async () => {
    const running = await started({ signatures: ['canonical', 'ceilometer'] });
    const text = line({ id: 'same' });
    const spaced = text.replaceAll('":', '" : ').replace('"volume":1', '"volume":1.0');
    expect(await sent(running, text, text, spaced, line({ id: 'same', form: 'ceilometer' }))).toEqual([]);
    expect(await metric(running.registry, conflicts)).toBe(0);
    expect(await metric(running.registry, 'nephoscope_collector_samples_duplicate_total')).toBe(3);
  });

  it('are compared again if the store fails between recording and comparing', async () => {
    const running = await started();
    await sent(running, line({ id: 'same' }));
    const { recordedAs } = running.store;
    let asked = 0;
    running.store.recordedAs = (samples) => (++asked === 1 ? failing() : recordedAs(samples));
    const delivery = new FakeDelivery(line({ id: 'same', volume: 2n }));
    running.bus.send(delivery);
    await until('it failed', () => running.told('error').length === 1);
    expect(delivery.outcome).toBeUndefined();
    await running.clock.advance(250);
    await until('it is settled', () => delivery.outcome === 'ack');
    expect(delivery.dead.map(({ reason }) => reason)).toEqual([expect.stringMatching(/^conflict: /)]);
    expect(await metric(running.registry, 'nephoscope_collector_samples_duplicate_total')).toBe(1);
  });
});

it('counts a conflict once and makes one dead letter of it, even if the store fails afterwards', async () => {
  const running = await started();
  await sent(running, line({ id: 'same' }), announced());
  const { record } = running.store;
  let tries = 0;
  running.store.record = (samples) =>
    samples.some(({ text }) => text.includes('conflicts_with')) && ++tries <= 2
      ? failing()
      : record.call(running.store, samples);
  const delivery = new FakeDelivery(line({ id: 'same', volume: 2n }), announced({ volume: 7 }));
  running.bus.send(delivery);
  await until('it failed', () => running.told('error').length === 1);
  await running.clock.advance(250);
  await until('it failed again', () => running.told('error').length === 2);
  await running.clock.advance(500);
  await until('it is settled', () => delivery.outcome === 'ack');
  expect(delivery.dead.map(({ reason, body }) => [reason, String(body).split('\n').length])).toEqual([
    [expect.stringMatching(/^conflict: .*counter_volume is 1 and not 2$/), 1],
  ]);
  expect(figuresOf(running.store.recorded)).toEqual(['1 p', '1000 p1', '7 p1']);
  expect(await metric(running.registry, conflicts)).toBe(2);
  expect(
    await metric(running.registry, 'nephoscope_collector_samples_refused_total', { reason: 'conflict' }),
  ).toBe(1);
});

describe('an event that is announced twice with different figures', () => {
  it.each([
    ['of another size', { volume: 0 }, ['0 p1', '1000 p1'], 'counter_volume is 0 and not 1000'],
    ['of another project', { projectId: 'p2' }, ['1000 p2', '1000 p1'], 'project_id is "p2" and not "p1"'],
  ])(
    'is recorded a second time beside the first, here a forged one %s',
    async (_, forged, figures, difference) => {
      const running = await started();
      expect(await sent(running, announced(forged), announced(), announced(), announced(forged))).toEqual([]);
      const { recorded } = running.store;
      expect(figuresOf(recorded)).toEqual(figures);
      expect(await metric(running.registry, conflicts)).toBe(1);
      expect(await metric(running.registry, 'nephoscope_collector_samples_recorded_total')).toBe(2);
      expect(running.told('warn')).toEqual([
        expect.stringContaining(`volume.size of victim; in the first, ${difference}. Both are recorded, and`),
      ]);
      const [, beside] = recorded as [Sample, Sample];
      expect(beside.text).toContain(`"conflicts_with":"${announcedId}"`);
      const { message } = readMeteringMessage(beside.text);
      expect(createVerifier({ secrets: [secret] }).verify(message)).toBe('verified');
    },
  );

  it('is a repetition if only its form, its time or its collector differs', async () => {
    const running = await started();
    const others = [
      announced({ timestamp: 1_795_381_201_000_000_000n, resourceMetadata: { host: 'cinder-volume:h1' } }),
      announced({}, 'collector.host-2'),
    ];
    await sent(running, announced(), ...others);
    expect(running.store.recorded).toHaveLength(1);
    expect(await metric(running.registry, conflicts)).toBe(0);
  });

  it('is no conflict if a central agent repeats a cycle that another agent began', async () => {
    const running = await started();
    expect(await sent(running, announced({}, 'central.a'), announced({ volume: 1_001 }, 'central.b'))).toEqual([]);
    expect(figuresOf(running.store.recorded)).toEqual(['1000 p1']);
    expect(await metric(running.registry, conflicts)).toBe(0);
  });
});
