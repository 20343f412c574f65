import { sweepPostgresql } from '../systematic/postgresql.js';

// A part of `npm run test:chaos -- --systematic`, which does this at every message.
it('cuts the connection to PostgreSQL at some messages, which loses no sample and blocks neither recording nor the stop', async () => {
  const { cuts, wrong } = await sweepPostgresql(97, AbortSignal.timeout(280_000));
  expect(wrong).toEqual([]);
  expect(cuts).toBeGreaterThan(15);
}, 300_000);
