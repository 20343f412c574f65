/**
 * `node sqlite-program.mjs PATH`: uses an SQLite store as a collector does, twice from start to stop. It prints each message id that
 * was acknowledged, and a line that begins with `wrong` for each problem. With `kill` as second argument, it records and is
 * killed, so that its log remains.
 */
import { writeSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

import sql from '@nephoscope/storage-sql';
import { exampleSample } from '@nephoscope/testing';

const [path, end] = process.argv.slice(2);
const clock = { now: () => 0n, monotonic: () => process.hrtime.bigint(), sleep: (ms) => sleep(ms) };
const quiet = () => undefined;
const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const options = sql.options.parse({ url: `sqlite:${path}` });
const store = sql.create({ options, clock, logger, host: 'host' });
const reader = sql.createReader({ options, clock, logger, host: 'host' });
const acknowledged = new Set();
const print = (line) => writeSync(1, `${line}\n`);

/** Each fault occurs once: it must be reported, and a repetition must succeed. */
async function insist(what, work, asked = store) {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (asked.health().ok) print(`wrong: healthy though it could not ${what}: ${error.message}`);
      if (error.code !== 'STORE_UNAVAILABLE') print(`wrong: ${what}: ${error.code}: ${error.message}`);
      if (tries < 5) await sleep(1);
      else throw error;
    }
  }
}

async function read() {
  const found = [];
  for await (const { messageId } of reader.samples({ scope: 'all' }, new AbortController().signal))
    found.push(messageId);
  return found;
}

async function look() {
  const found = new Set(await insist('read', read, reader));
  const missing = [...acknowledged].filter((id) => !found.has(id)).length;
  if (missing > 0) print(`wrong: ${missing} of ${acknowledged.size} acknowledged samples are not read`);
}

async function run() {
  await insist('start', () => store.start(new AbortController().signal));
  await insist('start to read', () => reader.start(new AbortController().signal), reader);
  for (let batch = 0; batch < 2; batch++) {
    const samples = Array.from({ length: 50 }, (_, at) => exampleSample({ resourceId: `r${batch}.${at % 7}` }));
    await insist('record', () => store.record(samples));
    for (const { messageId } of samples) {
      acknowledged.add(messageId);
      print(messageId);
    }
    await look();
  }
  if (end === 'kill') process.kill(process.pid, 'SIGKILL');
  await reader.stop();
  await store.stop();
}

try {
  await run();
  await run();
} catch (error) {
  print(`wrong: gave up: ${error.message}`);
}
