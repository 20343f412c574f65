import { join } from 'node:path';

import { waitUntil } from '../../../tools/testbed/processes.js';
import { countIn, startDaemon } from '../../agent-compute/test/daemon.js';
import { recordedIds, TestBroker } from './broker.js';
import { metricOf } from './daemon-metrics.js';
import { withSmallDisk } from './small-disk.js';
import { secret } from './support.js';

const broker = new TestBroker();

it('holds a bounded number of messages while the store fails and connections are lost, and records all once', async () => {
  const prefetch = 100;
  await withSmallDisk(async (disk) => {
    const database = join(disk.path, 'samples.db');
    const collector = startDaemon('collector', {
      secrets: [secret.reveal()],
      bus: { url: broker.url },
      storage: { url: `sqlite:${database}` },
    });
    await waitUntil('it is ready', async () => (await collector.status('/readyz')).status === 200);
    disk.fill();
    const ledger = (await Promise.all(Array.from({ length: 140 }, () => broker.publish(25)))).flat();
    const notTaken = async () => (await collector.status('/readyz')).text.includes('is full');
    await waitUntil('the store takes nothing', notTaken);
    const interruptions = [
      () => broker.rabbitmq.ctl('close_all_connections', 'a test'),
      () => broker.rabbitmq.ctl('close_all_connections', 'a test'),
      () => broker.rabbitmq.restart(),
      () => broker.rabbitmq.ctl('close_all_connections', 'a test'),
    ];
    for (const interrupt of interruptions) {
      const before = await metricOf(collector, 'messages_total');
      await interrupt();
      await waitUntil(
        'they come again',
        async () => (await metricOf(collector, 'messages_total')) >= before + prefetch,
        60_000,
      );
      // Messages that are gone are dropped at the next attempt, and as others arrive.
      expect(await metricOf(collector, 'messages_under_way')).toBeLessThanOrEqual(4 * prefetch);
    }
    expect(await notTaken()).toBe(true);
    disk.empty();
    await waitUntil('all is recorded', async () => (await countIn(database)) >= ledger.length, 60_000);
    await waitUntil('all is settled', async () => (await metricOf(collector, 'messages_under_way')) === 0);
    expect(await metricOf(collector, 'samples_recorded_total')).toBe(ledger.length);
    expect(await metricOf(collector, 'samples_duplicate_total')).toBe(0);
    expect(await metricOf(collector, 'messages_gone_total')).toBe(interruptions.length * prefetch);
    expect(await recordedIds(database)).toEqual(ledger.sort());
    expect(await collector.stop()).toMatchObject({ code: 0 });
  });
}, 180_000);
