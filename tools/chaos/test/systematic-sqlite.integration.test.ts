import { sweepSqlite } from '../systematic/sqlite.js';

it('a selection of faults at every step of SQLite loses nothing, and each is reported', async () => {
  const { cuts, wrong } = await sweepSqlite({ every: 23, lanes: 2 }, AbortSignal.timeout(110_000));
  expect(wrong).toEqual([]);
  expect(cuts).toBeGreaterThan(8);
}, 120_000);
