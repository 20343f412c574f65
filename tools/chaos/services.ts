import { freeze } from '../testbed/freeze.js';
import { startPostgresql } from '../testbed/postgresql.js';
import { isAlive, waitUntil } from '../testbed/processes.js';
import { startRabbitmq } from '../testbed/rabbitmq.js';
import type { Service } from './inflict.js';

export interface StartedService extends Service {
  readonly url: string;
  readonly port: number;
  /** What clients left there: connections, queues of their own, sessions, locks; a line each. */
  leftBehind(): Promise<readonly string[]>;
}

const linesOf = (text: string) => text.split('\n').filter((line) => line.trim() !== '');

export async function startBroker(): Promise<StartedService> {
  const broker = await startRabbitmq();
  return {
    url: broker.url,
    port: broker.port,
    kill: broker.kill,
    async shutDown() {
      const pid = await broker.pid();
      process.kill(pid, 'SIGTERM');
      await waitUntil('RabbitMQ ends in order', async () => !(await isAlive(pid)));
    },
    start: broker.start,
    freeze: async () => freeze(await broker.pid()),
    thaw: async () => void process.kill(await broker.pid(), 'SIGCONT'),
    async leftBehind() {
      const table = (...args: string[]) => broker.ctl(...args, '--no-table-headers').then(linesOf);
      const connections = await table('list_connections', 'pid', 'client_properties');
      const queues = await table('list_queues', 'name', 'durable', 'auto_delete', 'exclusive', 'consumers');
      return [
        ...connections.map((line) => `connection ${line}`),
        ...queues.filter((line) => !/\ttrue\tfalse\t(?:false)?\t0$/.test(line)).map((line) => `queue ${line}`),
      ];
    },
  };
}

/** @param directory of its data, on a small disk */
export async function startDatabase(directory: string): Promise<StartedService> {
  const database = await startPostgresql({
    directory,
    // Room on a small disk for the rows.
    settings: ['max_wal_size = 96MB', 'min_wal_size = 32MB'],
  });
  return {
    url: database.url,
    port: database.port,
    kill: database.kill,
    shutDown: database.shutDown,
    // A full disk may have ended it, or not.
    async start() {
      const answers = await database.psql('select 1').catch(() => undefined);
      if (answers === undefined) await database.start();
    },
    freeze: database.freeze,
    thaw: database.thaw,
    async leftBehind() {
      const sessions = await database.psql(
        "select 'session', application_name, state, query from pg_stat_activity where usename = 'nephoscope'",
      );
      const held = await database.psql("select 'lock', objid, pid from pg_locks where locktype = 'advisory'");
      return [...linesOf(sessions), ...linesOf(held)];
    },
  };
}
