import { freePorts } from '../../../tools/testbed/ports.js';
import { waitUntil } from '../../../tools/testbed/processes.js';
import { sharedPostgresqlUrl } from '../../../tools/testbed/shared.js';
import { messages, startDaemon } from '../../agent-compute/test/daemon.js';
import {
  dropDatabase,
  execute,
  newDatabase,
  readerAt,
  storeAt,
} from '../../storage-sql/test/postgresql/support.js';
import { realClock } from '../../storage-sql/test/store-at.js';
import { TestBroker } from './broker.js';
import { later, replayAfterRemoval } from './replay.js';
import { secret } from './support.js';

const broker = new TestBroker();
let database: string;

beforeAll(async () => {
  database = await newDatabase();
}, 60_000);

afterAll(() => dropDatabase(database), 60_000);

const configuration = (url: string) => ({
  secrets: [secret.reveal()],
  bus: { url: broker.url },
  storage: { url },
});

const recorded = async (): Promise<number> => {
  const [row] = await execute(database, 'select count(*)::int as count from samples');
  return Number(row?.['count']);
};

it('records in PostgreSQL, and continues after the database was read-only for a while', async () => {
  const collector = startDaemon('collector', configuration(database));
  const first = await broker.publish(50);
  await waitUntil(
    'all is recorded',
    async () => (await collector.status('/readyz')).status === 200 && (await recorded()) === first.length,
  );

  const name = new URL(database).pathname.slice(1);
  const readOnly = async (state: 'on' | 'off') => {
    await execute(sharedPostgresqlUrl(), `alter database "${name}" set default_transaction_read_only = ${state}`);
    // Existing sessions keep the old setting.
    await execute(
      sharedPostgresqlUrl(),
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
    );
  };
  await readOnly('on');
  const second = await broker.publish(50);
  await waitUntil(
    'it says so',
    () => messages(collector, 'error').some((text) => text.includes('is read-only')),
    60_000,
  );
  await readOnly('off');
  await waitUntil('all is recorded', async () => (await recorded()) === first.length + second.length, 60_000);
  expect(await collector.stop()).toMatchObject({ code: 0 });
}, 180_000);

it('refuses samples that an operator removed when they are sent again', async () => {
  const empty = await newDatabase();
  const store = storeAt(empty, { clock: { ...realClock, now: () => later } });
  try {
    await store.start(new AbortController().signal);
    const { dead, removed, left } = await replayAfterRemoval(store, readerAt(empty));
    expect([dead, removed, left]).toEqual([[expect.stringMatching(/^expired: it is dated 2026-11-22T/)], 1, 0]);
  } finally {
    await store.stop();
    await dropDatabase(empty);
  }
}, 60_000);

it('waits for a server that is not reachable, and can be stopped meanwhile', async () => {
  const nobody = new URL(database);
  nobody.port = '1';
  const [port] = await freePorts(1);
  const collector = startDaemon('collector', configuration(nobody.href), [], port);
  await waitUntil('it says so', async () => (await collector.status('/readyz')).text.includes(':1'));
  expect((await collector.status('/readyz')).status).toBe(503);
  expect(await collector.stop()).toMatchObject({ code: 0 });
}, 60_000);

it.each([
  ['password', (url: URL) => void (url.password = 'not-the-password'), /wrong user or password/],
  ['user', (url: URL) => void (url.username = 'nobody_here'), /wrong user or password/],
  ['database', (url: URL) => void (url.pathname = '/not_there'), /no such database/],
  ['kind of TLS', (url: URL) => void url.searchParams.set('sslmode', 'verify-full'), /does not speak TLS/],
])(
  'ends with code 1 and advice for a wrong %s, without printing the password',
  async (_, change, text) => {
    const wrong = new URL(database);
    change(wrong);
    const collector = startDaemon('collector', configuration(wrong.href));
    expect(await collector.ended).toBe(1);
    expect(messages(collector, 'error').join('\n')).toMatch(text);
    expect(JSON.stringify(collector.log)).not.toContain(wrong.password);
  },
  60_000,
);

it('ends with code 1 for a database of a newer version', async () => {
  const newer = await newDatabase();
  const first = startDaemon('collector', configuration(newer));
  await waitUntil('it is ready', async () => (await first.status('/readyz')).status === 200);
  await first.stop();
  await execute(newer, "insert into kysely_migration (name, timestamp) values ('9999_of_tomorrow', '2030-01-01')");
  const collector = startDaemon('collector', configuration(newer));
  expect(await collector.ended).toBe(1);
  expect(messages(collector, 'error').join('\n')).toMatch(/newer/);
  await dropDatabase(newer);
}, 60_000);
