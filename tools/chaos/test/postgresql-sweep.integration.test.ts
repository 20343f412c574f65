import { sweepPostgresql } from '../systematic/postgresql.js';

// A sample of what `npm run test:chaos -- --systematic` does at every message.
it('a connection to PostgreSQL that is cut at any message loses no sample, and blocks neither recording nor the stop', async () => {
  const { cuts, wrong } = await sweepPostgresql(97, AbortSignal.timeout(280_000));
  expect(wrong).toEqual([]);
  expect(cuts).toBeGreaterThan(15);
}, 300_000);
