import { sweepSqlite } from '../systematic/sqlite.js';

it("makes some of SQLite's system calls fail, which loses nothing, and each failure is reported", async () => {
  const { cuts, wrong } = await sweepSqlite({ every: 23, lanes: 2 }, AbortSignal.timeout(110_000));
  expect(wrong).toEqual([]);
  expect(cuts).toBeGreaterThan(8);
}, 120_000);
