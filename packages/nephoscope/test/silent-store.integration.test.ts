import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { PostgresqlProxy } from '../../../tools/testbed/postgresql-proxy.js';
import {
  all,
  batch,
  dropDatabase,
  never,
  newDatabase,
  storeAt,
} from '../../storage-sql/test/postgresql/support.js';
import { nephoscope } from './command.js';

/** The documented limit for a command that only reads, and the time of its start, in s. */
const within = 35;

it('a command ends with code 1 and the reason if PostgreSQL stops responding: at once, after the log-in, or within a result', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nephoscope-silent-'));
  const database = await newDatabase();
  const store = storeAt(database);
  await store.start(never);
  await store.record(batch(1_000));
  expect(await all(store)).toHaveLength(1_000);
  await store.stop();
  const mute = createServer().listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const proxies = await Promise.all(
    ['server_version_num', 'layout'].map(async (text) => {
      const proxy = await PostgresqlProxy.open(Number(new URL(database).port));
      proxy.silenceAt(text);
      return proxy;
    }),
  );
  const nobody = new URL(database);
  nobody.port = `${(mute.address() as AddressInfo).port}`;
  try {
    const ended = [nobody.href, ...proxies.map((proxy) => proxy.url(database))].map(async (url) => {
      const start = performance.now();
      const { code, stderr } = await nephoscope(folder, 'samples', '--json', '--store', url);
      expect((performance.now() - start) / 1_000).toBeLessThan(within);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/answer/) });
    });
    await Promise.all(ended);
  } finally {
    mute.close();
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await dropDatabase(database);
    rmSync(folder, { recursive: true });
  }
}, 90_000);
