import { groupsOf, readCases, sampleOf } from '../../../tools/api-cases/case.js';
import { sqliteDatabases } from '../../../tools/api-cases/databases.js';
import type { Databases } from '../../../tools/api-cases/databases.js';
import { failuresOf } from '../../../tools/api-cases/failures-of.js';
import { serve } from '../../../tools/api-cases/served.js';
import type { Served } from '../../../tools/api-cases/served.js';

const cases = readCases(new URL('data/http-cases.json', import.meta.url));

let databases: Databases;
let served: Served;
beforeAll(async () => {
  databases = await sqliteDatabases();
});
afterAll(() => databases.remove());

it('runs this number of cases', () => {
  expect(cases).toHaveLength(112);
});

describe.each(groupsOf(cases).map((group) => [group[0].id, group] as const))('%s', (_, group) => {
  beforeAll(async () => {
    const [{ fixtures, settings }] = group;
    served = await serve(await databases.make(fixtures.map(sampleOf)), settings);
  });
  afterAll(() => served.stop());

  test.each(group.map((one) => [one.id, one] as const))('%s', async (_id, one) => {
    expect(await failuresOf(served.base, one)).toEqual([]);
    expect(served.failures()).toEqual([]);
  });
});
