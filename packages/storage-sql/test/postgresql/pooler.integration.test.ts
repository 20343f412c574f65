import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

import { sharedPostgresqlUrl } from '../../../../tools/testbed/shared.js';
import { batch, dropDatabase, limits, never, newDatabase, storeAt } from './support.js';

let database: string;
let pooler: Server | undefined;

beforeEach(async () => {
  database = await newDatabase();
});
afterEach(async () => {
  pooler?.close();
  await dropDatabase(database);
});

/**
 * Stands between store and server as a pooler does, and reports other process ids than the server's.
 *
 * @param take whether it passes on what a client sent; with the number of the connection, from 1
 * @returns the database's URL through it
 */
async function throughPooler(
  take: (data: Buffer, connection: number, client: Socket) => boolean,
): Promise<string> {
  let connections = 0;
  const url = new URL(sharedPostgresqlUrl());
  const port = Number(url.port);
  pooler = createServer((client) => {
    const number = ++connections;
    const server = connect(port, '127.0.0.1');
    for (const socket of [client, server]) socket.on('error', () => undefined);
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
    client.on('data', (data) => {
      if (take(data, number, client)) server.write(data);
    });
    server.on('data', (data) => {
      // BackendKeyData: kind, length, process id, key.
      const at = data.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]));
      if (at >= 0) data.writeInt32BE(2 ** 30 + number, at + 5);
      client.write(data);
    });
  }).listen(0, '127.0.0.1');
  await once(pooler, 'listening');
  const through = new URL(database);
  through.port = `${(pooler.address() as AddressInfo).port}`;
  through.searchParams.set('sslmode', 'disable');
  return through.href;
}

/** The start-up message, which has no kind, and the message that proves the password. */
const isOfLogIn = (data: Buffer) => data[0] === 0 || data[0] === 0x70;

it('uses a pooler in session mode', async () => {
  const store = storeAt(await throughPooler(() => true));
  await store.start(never);
  const samples = batch(3);
  expect(await store.record(samples)).toEqual({ recorded: 3, duplicates: 0 });
  expect(await store.record(samples)).toEqual({ recorded: 0, duplicates: 3 });
  await store.stop();
});

it('reports a pooler that allows a single connection, and says what to do', async () => {
  const url = await throughPooler((data, connection) => connection === 1 || isOfLogIn(data));
  await expect(storeAt(url, { within: { ...limits, connect: 1_500 } }).start(never)).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    message: expect.stringContaining('pool_size'),
  });
});

it('refuses a pooler in statement mode, and says what to do', async () => {
  const fields = Buffer.from('SERROR\0C08P01\0Mtransaction blocks not allowed in statement pooling mode\0\0');
  const refusal = Buffer.concat([Buffer.from('E'), Buffer.alloc(4), fields]);
  refusal.writeInt32BE(4 + fields.length, 1);
  const url = await throughPooler((data, _, client) => {
    if (!data.includes('begin')) return true;
    client.end(refusal);
    return false;
  });
  await expect(storeAt(url).start(never)).rejects.toMatchObject({
    code: 'STORE_REFUSED',
    message: expect.stringContaining('pool_mode = session'),
  });
});
