import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Sample } from '@nephoscope/core/sample-store';
import { readFigures } from '@nephoscope/statistics';
import { exampleSample } from '@nephoscope/testing';

import type { RollupAccess } from '../src/rollups/rollup-database.js';
import { Roller } from '../src/rollups/roller.js';
import { openDatabase } from '../src/sqlite/database.js';
import { RollupReading } from '../src/sqlite/rollup-reading.js';
import { RowWriter } from '../src/sqlite/row-writer.js';
import { interruptibleTable } from '../src/sqlite/sample-table.js';
import { expectedFigures, never, time } from './rollups.js';
import { readerAt, storeAt } from './store-at.js';

const folder = mkdtempSync(join(tmpdir(), 'nephoscope-roller-'));
afterAll(() => rmSync(folder, { recursive: true }));

const killed = new Error('as if it was killed');

const readings = (minutes: readonly number[], volume: number): Sample[] =>
  ['cpu', 'memory'].flatMap((meter) =>
    minutes.map((minute, at) =>
      exampleSample({
        ...{ meter, type: meter === 'cpu' ? 'cumulative' : 'gauge', epoch: meter === 'cpu' ? 'run' : null },
        ...{ resourceId: 'web', timestamp: time(minute), volume: `${volume + at * 7}` },
      }),
    ),
  );
const first = readings([5, 30, 65, 500, 730, 800, 2_000], 0);
const late = readings([10, 70, 300, 740], 3);

it('ended before or after any of its transactions, it leaves figures as they are, and the next one goes on', async () => {
  let isOver = false;
  for (let survived = 0; !isOver; survived += 1) {
    const path = join(folder, `${survived}.db`);
    const store = storeAt(path);
    await store.start(never);
    const reader = readerAt(path);
    await reader.start(never);
    const sqlite = openDatabase(path, 'writing');
    const writer = new RowWriter(sqlite);
    const reading = new RollupReading(path);
    const access = (writes: number): RollupAccess => {
      let left = writes;
      return {
        table: interruptibleTable,
        read: (signal) => reading.until(signal),
        write: (statements) => {
          if (left === 0) return Promise.reject(killed);
          left -= 1;
          return Promise.resolve(writer.writeRollups(statements) > 0);
        },
      };
    };
    const run = async (roller: Roller) => {
      while ((await roller.turn(time(1_980), never)).isMore);
    };
    const recorded: Sample[] = [];
    const isRight = async () => {
      for (const meter of ['cpu', 'memory'])
        for (const period of [{ calendar: 'hour', zone: 'UTC' } as const, undefined]) {
          const query = { start: time(0), end: time(1_500), period };
          const selection = { scope: 'all' as const, meters: [meter] };
          expect(await readFigures(reader, selection, query, never)).toEqual(
            expectedFigures(recorded, query, selection),
          );
        }
    };
    try {
      const roller = new Roller(access(survived));
      isOver = true;
      for (const samples of [first, late]) {
        await store.record(samples);
        recorded.push(...samples);
        await run(roller).catch((error: unknown) => {
          if (error !== killed) throw error;
          isOver = false;
        });
        await isRight();
      }
      const next = new Roller(access(Infinity));
      await run(next);
      await isRight();
      let checked = 0;
      for await (const day of next.check(never)) {
        expect(day.different).toEqual([]);
        checked += day.checked;
      }
      expect(checked).toBeGreaterThan(0);
    } finally {
      await reading.end();
      sqlite.close();
      await reader.stop();
      await store.stop();
    }
    expect(survived).toBeLessThan(60);
  }
}, 300_000);
