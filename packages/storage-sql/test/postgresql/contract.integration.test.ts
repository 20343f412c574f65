import { sampleStoreContract } from '@nephoscope/testing';

import { startPostgresql } from '../../../../tools/testbed/postgresql.js';
import type { PrivatePostgresql } from '../../../../tools/testbed/postgresql.js';
import { newDatabase, readerAt, storeAt } from './support.js';

const databases = new Map<string, Promise<string>>();
let server: PrivatePostgresql;
beforeAll(async () => {
  // These tests create and drop many databases, which takes seconds on a disk, and nothing here has to survive a crash.
  server = await startPostgresql({ settings: ['fsync = off'] });
}, 120_000);
afterAll(() => server.stop());

function databaseOf(place: string): Promise<string> {
  const made = databases.get(place) ?? newDatabase(server.url);
  databases.set(place, made);
  return made;
}

sampleStoreContract('PostgreSQL', {
  create: async (place) => storeAt(await databaseOf(place)),
  createReader: async (place) => readerAt(await databaseOf(place)),
  takeAway: async () => {
    await server.shutDown();
    return () => server.start();
  },
});
