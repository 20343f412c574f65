import { exampleSample } from '@nephoscope/testing';

import { storeAt } from './store-at.js';

/** A program for tests: records batches of 300 samples and prints the number of each when it is recorded. */
const [path = '', batches = 'Infinity'] = process.argv.slice(2);
const store = storeAt(path);
await store.start(new AbortController().signal);
process.stdout.write('started\n');
const run = `${process.pid}`;
for (let number = 1; number <= Number(batches); number++) {
  const samples = Array.from({ length: 300 }, (_, at) =>
    exampleSample({ publisherId: run, sequence: BigInt(number), resourceId: `r${at}` }),
  );
  await store.record(samples);
  process.stdout.write(`${number}\n`);
}
await store.stop();
