import { startPostgresql } from '../testbed/postgresql.js';
import { isAlive, waitUntil } from '../testbed/processes.js';
import { startRabbitmq } from '../testbed/rabbitmq.js';
import type { Service } from './inflict.js';

export interface StartedService extends Service {
  readonly url: string;
  readonly port: number;
}

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
    freeze: async () => void process.kill(await broker.pid(), 'SIGSTOP'),
    thaw: async () => void process.kill(await broker.pid(), 'SIGCONT'),
  };
}

/** @param directory where its data is, on a small disk */
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
  };
}
