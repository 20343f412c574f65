import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { SampleStore } from '@nephoscope/core/sample-store';

import { Database } from '../src/sqlite/driver.js';
import { lifetimeTests } from './lifetimes.js';
import { all, storeAt } from './store-at.js';

const folder = mkdtempSync(join(tmpdir(), 'nephoscope-lifetimes-'));
const stores: SampleStore[] = [];
let places = 0;
afterEach(() => Promise.all(stores.splice(0).map((store) => store.stop())));
afterAll(() => rmSync(folder, { recursive: true }));

describe('SQLite', () => {
  lifetimeTests(() => {
    const path = join(folder, `${places++}.db`);
    return Promise.resolve({
      all: () => all({ path }),
      async store(clock) {
        const store = storeAt(path, clock);
        stores.push(store);
        await store.start(AbortSignal.timeout(20_000));
        return store;
      },
      values(query) {
        const database = new Database(path);
        try {
          return Promise.resolve(
            database
              .prepare(query)
              .all()
              .map((row) => Object.values(row as object)[0]),
          );
        } finally {
          database.close();
        }
      },
    });
  });
});
