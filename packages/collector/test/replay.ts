import type { Sample, SampleReader, SampleStore } from '@nephoscope/core/sample-store';
import { FakeBus, FakeClock, RecordingLogger, fakeStart } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { Collector } from '../src/collector.js';
import { collectorOptions } from '../src/options.js';
import { FakeDelivery, line, secret, until } from './support.js';

const never = new AbortController().signal;
const day = 86_400_000_000_000n;

/** For the stores: a month after the samples that `line` makes. */
export const later = fakeStart + 30n * day;

/**
 * A sample is recorded, removed by an operator, and sent again, to a collector that has no retention; then one that is newer.
 *
 * @param store started, and its clock past the samples
 * @param reader of it, not started
 * @returns the reasons of the dead letters, and what is recorded
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
  // A whole week and more: a store may remove nothing less.
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
