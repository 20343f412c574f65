import { setTimeout as sleep } from 'node:timers/promises';

import { sampleOf } from '../../../tools/api-cases/case.js';
import { postgresqlDatabases } from '../../../tools/api-cases/databases.js';
import type { Databases } from '../../../tools/api-cases/databases.js';
import { identityHeader, serve } from '../../../tools/api-cases/served.js';
import type { Served } from '../../../tools/api-cases/served.js';
import { startPostgresql } from '../../../tools/testbed/postgresql.js';
import type { PrivatePostgresql } from '../../../tools/testbed/postgresql.js';
import { admin, world } from './cases/world.js';

let server: PrivatePostgresql;
let databases: Databases;
let served: Served;
beforeAll(async () => {
  server = await startPostgresql({ settings: ['fsync = off'] });
  databases = await postgresqlDatabases(server.url);
  const [one] = world;
  // Several pages of replies.
  const many = Array.from({ length: 30_000 }, (_, at) => ({ ...sampleOf(one!), messageId: `m${at}` }));
  served = await serve(await databases.make(many));
}, 180_000);
afterAll(async () => {
  await served.stop();
  await server.stop();
});

const get = (path: string) => fetch(served.base + path, { headers: { [identityHeader]: JSON.stringify(admin) } });
const paths = [
  '/v2/samples',
  '/v2/meters',
  '/v2/resources',
  '/v2/meters/cpu/statistics',
  '/v1/users',
  '/v1/resources/r1/meters/cpu',
];

async function eachIsAway(): Promise<void> {
  for (const path of paths) {
    const response = await get(path);
    expect([path, response.status, response.headers.get('retry-after')]).toEqual([path, 503, '5']);
    expect(await response.text()).not.toMatch(/127\.0\.0\.1|postgres|select/i);
  }
}

async function isBack(): Promise<void> {
  const until = Date.now() + 60_000;
  while ((await get('/v2/samples?limit=1')).status !== 200 && Date.now() < until) await sleep(200);
  for (const path of paths) expect([path, (await get(path)).status]).toEqual([path, 200]);
}

it('answers 503 while PostgreSQL is down, and continues by itself', async () => {
  expect((await get('/v2/samples')).status).toBe(200);
  await server.shutDown();
  await eachIsAway();
  await server.start();
  await isBack();
});

it('cuts off a reply whose database goes away in the middle, so that it does not look complete', async () => {
  const response = await get('/v1/resources/r1/meters/cpu');
  expect(response.status).toBe(200);
  const body = response.body!.getReader();
  await body.read();
  await server.kill();
  await expect(
    (async () => {
      while (!(await body.read()).done);
    })(),
  ).rejects.toThrow();
  await eachIsAway();
  await server.start();
  await isBack();
});

it('answers 503 for a request that waits for a frozen PostgreSQL', async () => {
  await server.freeze();
  try {
    const response = await get('/v2/meters/cpu/statistics');
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
  } finally {
    await server.thaw();
  }
  await isBack();
});
