import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { FakeInspector, instanceReading } from '@nephoscope/testing';

import { createAgent, lines, pollster, ScriptedBus, sequences, temporaryFolder } from '../support.js';

const place = join(temporaryFolder(), 'disk');
beforeAll(() => {
  mkdirSync(place);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', place]);
});
afterEach(() => execFileSync('umount', ['--lazy', place]));

/** Leaves this many bytes free. */
function fill(bytes: number): void {
  const { bavail, bsize } = statfsSync(place);
  writeFileSync(join(place, 'log'), Buffer.alloc(bavail * bsize - bytes));
}

let volume = 0n;
const many = pollster('many', [{ name: 'io', type: 'cumulative', unit: 'B', description: 'of the tests' }], () =>
  Array.from({ length: 300 }, (_, device) => ({ meter: 'io', volume, resourceId: `device-${device}` })),
);

it('an agent whose disk becomes full accepts nothing, stops cleanly, and continues when there is space', async () => {
  const bus = new ScriptedBus();
  const run = async (...volumes: bigint[]) => {
    const inspector = new FakeInspector(...volumes.map(() => [instanceReading()]));
    await inspector.start(new AbortController().signal);
    const { agent, told } = createAgent({
      stateDirectory: join(place, 'state'),
      pollsters: [many],
      inspector,
      bus,
    });
    await agent.start();
    const results: string[] = [];
    for (const next of volumes) {
      volume = next;
      if (next === 5n) fill(8_192);
      const time = next === 5n ? AbortSignal.timeout(500) : new AbortController().signal;
      results.push(
        await agent.once(time).then(
          () => 'done',
          (error: { code: string }) => error.code,
        ),
      );
    }
    await agent.stop();
    return { results, warned: told('warn') };
  };
  const full = await run(10n, 11n, 5n);
  expect(full.results.slice(0, 2)).toEqual(['done', 'done']);
  expect(full.results[2]).not.toBe('done');
  expect(full.warned.at(-1)).toContain('no accepted sample is lost');
  for (const name of readdirSync(join(place, 'state')).filter((one) => one.endsWith('.json')))
    JSON.parse(readFileSync(join(place, 'state', name), 'utf8'));
  rmSync(join(place, 'log'));
  const after = await run(6n);
  expect(after.results).toEqual(['done']);
  const numbers = sequences(bus.confirmed);
  expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 900 }, (_, index) => index + 1));
  const epochs = new Set(
    lines(bus.confirmed).map((line) => `${String(line['counter_volume'])} ${String(line['epoch'])}`),
  );
  expect([...epochs].sort()).toEqual(['10 boot-1/1', '11 boot-1/1', '6 boot-1/1+1']);
});
