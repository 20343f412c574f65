import type { Sample, SampleReader, SampleStore } from '@nephoscope/core/sample-store';
import { FakeBus, FakeClock, RecordingLogger, fakeStart } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { Collector } from '../src/collector.js';
import { collectorOptions } from '../src/options.js';
import { FakeDelivery, line, secret, until } from './support.js';

const never = new AbortController().signal;
const day = 86_400_000_000_000n;

/** For the clocks of stores: a month after the samples that `line` makes. */
export const later = fakeStart + 30n * day;

/**
 * Sends a sample that is recorded, has an operator remove it, and sends it again, to a collector without a retention.
 *
 * @param store started, with its clock later than the samples
 * @param reader of that store, not started
 * @returns the reasons of the dead letters, how many samples were removed, and how many are left
 */
export async function replayAfterRemoval(store: SampleStore, reader: SampleReader) {
  await reader.start(never);
  const bus = new FakeBus();
  const [clock, logger, registry] = [new FakeClock(), new RecordingLogger(), new Registry()];
  const options = collectorOptions.parse({});
  const collector = new Collector({ options, secrets: [secret], bus, store, logger, clock, registry });
  await collector.start();
  const send = async (text: string) => {
    const delivery = new FakeDelivery(text);
    bus.send(delivery);
    await until('it is settled', () => delivery.outcome === 'ack');
    return delivery.dead.map(({ reason }) => reason);
  };
  const old = line({ id: 'old' });
  const dead = await send(old);
  const { timestamp } = (await recorded(reader))[0] as Sample;
  // More than a week later, because a store may remove whole weeks only.
  const removed = await store.removeBefore(timestamp + 14n * day);
  dead.push(...(await send(old)));
  await collector.stop();
  const left = (await recorded(reader)).length;
  await reader.stop();
  return { dead, removed, left };
}

async function recorded(reader: SampleReader): Promise<readonly Sample[]> {
  const found: Sample[] = [];
  for await (const sample of reader.samples({ scope: 'all' }, never)) found.push(sample);
  return found;
}
