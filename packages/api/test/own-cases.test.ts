import { sampleOf } from '../../../tools/api-cases/case.js';
import { sqliteDatabases } from '../../../tools/api-cases/databases.js';
import type { Databases } from '../../../tools/api-cases/databases.js';
import { failuresOf } from '../../../tools/api-cases/failures-of.js';
import { serve } from '../../../tools/api-cases/served.js';
import type { Served } from '../../../tools/api-cases/served.js';
import { ownCases } from './cases/all.js';
import { world } from './cases/world.js';

let databases: Databases;
let served: Served;
beforeAll(async () => {
  databases = await sqliteDatabases();
  served = await serve(await databases.make(world.map(sampleOf)));
});
afterAll(async () => {
  await served.stop();
  await databases.remove();
});

test.each(ownCases.map((one) => [one.id, one] as const))('%s', async (_, one) => {
  expect(await failuresOf(served.base, one)).toEqual([]);
  expect(served.failures()).toEqual([]);
});
