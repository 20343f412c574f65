import { join } from 'node:path';

import { isNephoscopeError } from '@nephoscope/core';
import { DatabaseSync } from '@photostructure/sqlite';

import { freePorts } from '../../../tools/testbed/ports.js';
import { waitUntil } from '../../../tools/testbed/processes.js';
import { countIn, messages, newFolder, startDaemon } from '../../agent-compute/test/daemon.js';
import { recordedIds, TestBroker } from './broker.js';
import { withSmallDisk } from './small-disk.js';
import type { SmallDisk } from './small-disk.js';
import { secret } from './support.js';

const broker = new TestBroker();

const configuration = (database: string) => ({
  secrets: [secret.reveal()],
  bus: { url: broker.url },
  storage: { url: `sqlite:${database}` },
});

const newDatabase = () => join(newFolder(), 'samples.db');

describe('a collector whose start is delayed', () => {
  it.each([
    ['a full disk', /is full/, (disk: SmallDisk) => disk.fill(), (disk: SmallDisk) => disk.empty()],
    [
      'a read-only file system',
      /(read-only|cannot be (written|opened))/i,
      (disk: SmallDisk) => disk.makeReadOnly(),
      (disk: SmallDisk) => disk.makeWritable(),
    ],
  ])(
    'by %s under its store reports it, and records when that is repaired',
    async (_, reason, harm, repair) => {
      await withSmallDisk(async (disk) => {
        harm(disk);
        const database = join(disk.path, 'deeper', 'samples.db');
        const ledger = await broker.publish(30);
        const collector = startDaemon('collector', configuration(database), [], (await freePorts(1))[0]);
        await waitUntil('it says so', async () => reason.test((await collector.status('/readyz')).text));
        expect((await collector.status('/readyz')).status).toBe(503);
        expect((await collector.status('/healthz')).status).toBe(200);
        expect(messages(collector, 'error').join('\n')).toMatch(/the store is not available; next attempt/);
        repair(disk);
        // A reader that meets the collector making its files is told that they were replaced.
        const recorded = () =>
          countIn(database).catch((error: unknown) => {
            if (isNephoscopeError(error, 'STORE_UNAVAILABLE')) return 0;
            throw error;
          });
        await waitUntil('all is recorded', async () => (await recorded()) >= ledger.length, 60_000);
        expect(await recordedIds(database)).toEqual(ledger.sort());
        expect(await collector.stop()).toMatchObject({ code: 0 });
      });
    },
    90_000,
  );

  it.each(['its start', 'a batch'])(
    "by another program's lock, at %s, can be stopped, and the next collector records what waited",
    async (what) => {
      const database = newDatabase();
      const other = new DatabaseSync(database);
      if (what === 'its start') other.exec('begin immediate');
      const [port] = await freePorts(1);
      const collector = startDaemon('collector', configuration(database), [], port);
      if (what === 'a batch') {
        await waitUntil('it is ready', async () => (await collector.status('/readyz')).status === 200);
        other.exec('begin immediate');
      }
      const ledger = await broker.publish(30);
      await waitUntil('it says so', async () => (await collector.status('/readyz')).text.includes('is locked by'));
      expect(await collector.stop()).toMatchObject({ code: 0 });
      other.exec('rollback');
      other.close();
      const next = startDaemon('collector', configuration(database), [], port);
      await waitUntil('all is recorded', async () => (await countIn(database)) >= ledger.length, 60_000);
      expect(await recordedIds(database)).toEqual(ledger.sort());
      expect(await next.stop()).toMatchObject({ code: 0 });
    },
    90_000,
  );

  it('by a folder that cannot be created can be stopped meanwhile', async () => {
    const collector = startDaemon(
      'collector',
      configuration('/etc/hostname/samples.db'),
      [],
      (await freePorts(1))[0],
    );
    await waitUntil('it says so', async () => (await collector.status('/readyz')).text.includes('/etc/hostname'));
    expect(await collector.stop()).toMatchObject({ code: 0 });
  }, 60_000);

  it('by a broker that is not reachable can be stopped meanwhile', async () => {
    const collector = startDaemon(
      'collector',
      { ...configuration(newDatabase()), bus: { url: 'amqp://guest:guest@127.0.0.1:1' } },
      [],
      (await freePorts(1))[0],
    );
    expect((await collector.status('/readyz')).status).toBe(503);
    await waitUntil('it says why', async () => (await collector.status('/readyz')).text.includes('127.0.0.1:1'));
    expect(await collector.stop()).toMatchObject({ code: 0 });
  }, 60_000);
});

describe('a start ends with code 1 and says what to do', () => {
  it.each([
    ['an unknown key', { collector: { prefetsch: 3 } }, /collector\.prefetsch: there is no such key/],
    [
      'a file that is not a database',
      { storage: { url: 'sqlite:/etc/hostname' } },
      /\/etc\/hostname is no SQLite/,
    ],
    ['a store of an unknown kind', { storage: { url: 'mysql://127.0.0.1/samples' } }, /storage\.url: /],
  ])(
    'for %s',
    async (_, wrong, text) => {
      const collector = startDaemon('collector', { ...configuration(newDatabase()), ...wrong });
      expect(await collector.ended).toBe(1);
      expect(messages(collector, 'error').join('\n')).toMatch(text);
    },
    60_000,
  );

  it('for a database of a newer version', async () => {
    const database = newDatabase();
    const first = startDaemon('collector', configuration(database));
    await waitUntil('it is ready', async () => (await first.status('/readyz')).status === 200);
    await first.stop();
    const file = new DatabaseSync(database);
    file.exec(`insert into kysely_migration (name, timestamp) values ('9999_of_tomorrow', '2030-01-01')`);
    file.close();
    const collector = startDaemon('collector', configuration(database));
    expect(await collector.ended).toBe(1);
    expect(messages(collector, 'error').join('\n')).toMatch(/newer/);
  }, 60_000);

  it.each([
    ['password', (url: string) => url.replace('guest:guest', 'guest:wrong'), /wrong user or password/],
    ['virtual host', (url: string) => `${url}/nowhere`, /refuses the virtual host 'nowhere'/],
  ])(
    'for a wrong %s of the broker',
    async (_, wrong, text) => {
      const collector = startDaemon('collector', {
        ...configuration(newDatabase()),
        bus: { url: wrong(broker.url) },
      });
      expect(await collector.ended).toBe(1);
      expect(messages(collector, 'error').join('\n')).toMatch(text);
    },
    60_000,
  );
});
