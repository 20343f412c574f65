import pg from 'pg';

import { PostgresqlProxy } from '../../../tools/testbed/postgresql-proxy.js';
import { waitUntil } from '../../../tools/testbed/processes.js';
import { startDaemon } from '../../agent-compute/test/daemon.js';
import type { Daemon } from '../../agent-compute/test/daemon.js';
import { dropDatabase, execute, newDatabase } from '../../storage-sql/test/postgresql/support.js';
import { TestBroker } from './broker.js';
import { secret } from './support.js';

const broker = new TestBroker();
let database: string;
let proxy: PostgresqlProxy;
let other: pg.Client;
beforeEach(async () => {
  database = await newDatabase();
  proxy = await PostgresqlProxy.open(Number(new URL(database).port));
  other = new pg.Client({ connectionString: database });
  await other.connect();
});
afterEach(async () => {
  await other.end();
  await proxy.close();
  await dropDatabase(database);
});

const started = (url: string): Daemon =>
  startDaemon('collector', { secrets: [secret.reveal()], bus: { url: broker.url }, storage: { url } });

const ready = (collector: Daemon) =>
  waitUntil('it is ready', async () => (await collector.status('/readyz')).status === 200);

/** Whether `pg_stat_activity` lists a session of the collector with this condition. */
const session = async (condition: string) => {
  const text = `select 1 from pg_stat_activity where datname = current_database()
    and application_name like 'nephoscope on%' and ${condition}`;
  return (await execute(database, text)).length > 0;
};

const count = async () => Number((await execute(database, 'select count(*) from samples'))[0]?.['count']);

async function stops(collector: Daemon): Promise<void> {
  const { code, seconds } = await collector.stop();
  expect(code).toBe(0);
  expect(seconds).toBeLessThan(10);
  await waitUntil('none of its sessions is left', async () => !(await session(`wait_event_type = 'Lock'`)));
}

it('ends with code 0 while a batch waits for a lock, and the batch is recorded once by the next collector', async () => {
  const collector = started(database);
  await ready(collector);
  await other.query('begin; lock table samples in access exclusive mode');
  const ids = await broker.publish(20);
  await waitUntil('the batch waits', () => session(`wait_event_type = 'Lock'`));
  await stops(collector);
  await other.query('rollback');
  const next = started(database);
  await waitUntil('all is recorded', async () => (await count()) === ids.length, 60_000);
  await stops(next);
}, 120_000);

it('ends with code 0 while its start waits for the lock of the migrations', async () => {
  await other.query('select pg_advisory_lock(7301001)');
  const collector = started(database);
  await waitUntil('the start waits', () => session(`wait_event_type = 'Lock'`));
  await stops(collector);
}, 60_000);

it.each(['server_version_num', 'create table'])(
  'ends with code 0 while the server does not respond during its start (%s)',
  async (text) => {
    proxy.silenceAt(text);
    const collector = started(proxy.url(database));
    await waitUntil('it is silent', () => !proxy.isArmed);
    await stops(collector);
  },
  60_000,
);

it('ends with code 0 while the server does not respond in the middle of a batch', async () => {
  const collector = started(proxy.url(database));
  await ready(collector);
  proxy.silenceAt('new_ids');
  await broker.publish(20);
  await waitUntil('it is silent', () => !proxy.isArmed);
  await stops(collector);
}, 60_000);
