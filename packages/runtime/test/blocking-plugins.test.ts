import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { FakeClock, fakeStart, fakeStartMonotonic } from '@nephoscope/testing';

import { blockingPlugins } from '../src/blocking-plugins.js';

const start = Number(fakeStart / 1_000_000n);
const minute = 60_000;
let folder: string;
let note: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nephoscope-'));
  note = join(folder, 'note.json');
});
afterAll(() => rm(folder, { recursive: true }));

/** How long a plugin in the note is suspended, ms; undefined if it is not. */
async function suspended(entry: unknown, plugin = 'one'): Promise<number | undefined> {
  await writeFile(note, JSON.stringify({ one: entry }));
  const { until } = blockingPlugins(note, new FakeClock())(plugin) ?? {};
  return until === undefined ? undefined : Number((until - fakeStartMonotonic) / 1_000_000n);
}

it.each([
  [1, 1],
  [2, 2],
  [3, 4],
  [6, 32],
  [7, 60],
  [2_000, 60],
])('suspends a plugin that ended the program %d times for %d min', async (times, minutes) => {
  expect(await suspended({ times, last: start })).toBe(minutes * minute);
  expect(await suspended({ times, last: start - minute / 2 })).toBe((minutes - 0.5) * minute);
  expect(await suspended({ times, last: start - minutes * minute })).toBeUndefined();
});

it('does not suspend a plugin if the clock was set back since', async () => {
  expect(await suspended({ times: 1, last: start + 1_000 * minute })).toBe(minute);
});

it.each(['toString', '__proto__', 'another'])(
  'does not suspend a plugin that is not in the note: %s',
  async (plugin) => {
    expect(await suspended({ times: 1, last: start }, plugin)).toBeUndefined();
  },
);

it('a note that is invalid, damaged or missing suspends no plugin; an unreadable one is reported', async () => {
  const clock = new FakeClock();
  expect(blockingPlugins(undefined, clock)('one')).toBeUndefined();
  const unreadable: unknown[] = [];
  const tell = (error: unknown) => void unreadable.push(error);
  expect(blockingPlugins(join(folder, 'none'), clock, tell)('one')).toBeUndefined();
  expect(unreadable).toEqual([]);
  for (const text of ['', '{', '[]', 'null', '{"one":{"times":0,"last":1}}', '{"one":{"times":"1","last":1}}']) {
    await writeFile(note, text);
    expect(blockingPlugins(note, clock, tell)('one')).toBeUndefined();
    expect(unreadable.splice(0)).toHaveLength(1);
  }
});
