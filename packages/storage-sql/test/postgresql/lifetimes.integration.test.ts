import { lifetimeTests } from '../lifetimes.js';
import { all, dropDatabase, execute, never, newDatabase, storeAt } from './support.js';
import type { StoreAt } from './support.js';

const stores: StoreAt[] = [];
const databases: string[] = [];
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.stop()));
  await Promise.all(databases.splice(0).map((url) => dropDatabase(url)));
});

describe('PostgreSQL', () => {
  lifetimeTests(async () => {
    const url = await newDatabase();
    databases.push(url);
    return {
      all: () => all({ url }),
      async store(clock) {
        const store = storeAt(url, { clock });
        stores.push(store);
        await store.start(never);
        return store;
      },
      async values(query) {
        return (await execute(url, query)).map((row) => Object.values(row)[0]);
      },
    };
  });
});
