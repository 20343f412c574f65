import { PostgresqlProxy } from '../../../tools/testbed/postgresql-proxy.js';
import { startPostgresql } from '../../../tools/testbed/postgresql.js';
import type { PrivatePostgresql } from '../../../tools/testbed/postgresql.js';
import { waitUntil } from '../../../tools/testbed/processes.js';
import { startDaemon } from '../../agent-compute/test/daemon.js';
import { TestBroker } from './broker.js';
import { secret } from './support.js';

const broker = new TestBroker();
let primary: PrivatePostgresql;
let standby: PrivatePostgresql;
let address: PostgresqlProxy;
beforeAll(async () => {
  primary = await startPostgresql();
  standby = await startPostgresql({ standbyOf: primary });
  // Commits are on both servers, as an operator would configure it who must not lose acknowledged samples.
  await primary.psql(`alter system set synchronous_standby_names = '*'`);
  await primary.psql('select pg_reload_conf()');
  address = await PostgresqlProxy.open(primary.port);
}, 120_000);
afterAll(async () => {
  await address.close();
  await Promise.all([primary.stop(), standby.stop()]);
}, 60_000);

it('waits while its address leads to a standby and continues after the promotion, without loss or duplicates', async () => {
  const collector = startDaemon('collector', {
    secrets: [secret.reveal()],
    bus: { url: broker.url },
    storage: { url: address.url(primary.url) },
  });
  const recorded = async (server: PrivatePostgresql) =>
    (await server.psql('select message_id from samples order by message_id')).split('\n').filter(Boolean);
  await waitUntil('it is ready', async () => (await collector.status('/readyz')).status === 200);
  const before = await broker.publish(30);
  await waitUntil('all is recorded', async () => (await recorded(primary)).length === before.length, 60_000);

  await primary.kill();
  address.leadTo(standby.port);
  const meanwhile = await broker.publish(20);
  await waitUntil('it says why it waits', async () => {
    const { status, text } = await collector.status('/readyz');
    return status === 503 && text.includes('it may be a standby');
  });
  expect(await recorded(standby)).toEqual([...before].sort());

  await standby.psql('select pg_promote()');
  const all = [...before, ...meanwhile].sort();
  await waitUntil('it goes on', async () => (await recorded(standby)).length >= all.length, 60_000);
  const after = await broker.publish(10);
  await waitUntil('all is there', async () => (await recorded(standby)).length >= all.length + 10, 60_000);
  expect(await recorded(standby)).toEqual([...all, ...after].sort());
  await waitUntil('it is ready', async () => (await collector.status('/readyz')).status === 200);
  expect((await collector.stop()).code).toBe(0);
}, 240_000);
