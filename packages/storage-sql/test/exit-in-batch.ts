/**
 * `node exit-in-batch.mjs PATH [THREAD]`: ends with code 3 while the driver writes a batch or, if THREAD names the program
 * of a thread, while that thread handles a message.
 */
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

import { exampleSample } from '@nephoscope/testing';

import { filesAt } from '../src/sqlite/files.js';
import { ThreadWriter } from '../src/sqlite/thread-writer.js';
import { storeAt } from './store-at.js';

const [path, thread] = process.argv.slice(2) as [string, string | undefined];
const postMessage = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (this: Worker, ...message: Parameters<Worker['postMessage']>) {
  postMessage.apply(this, message);
  const { kind } = message[0] as { kind: string };
  if (kind === 'write' || thread !== undefined) setTimeout(() => process.exit(3), 20);
} as Worker['postMessage'];

if (thread === undefined) {
  const store = storeAt(path);
  await store.start(new AbortController().signal);
  await store.record(Array.from({ length: 5_000 }, (_, at) => exampleSample({ resourceId: `r${at}` })));
} else {
  await new ThreadWriter({ path, files: filesAt(path) }, pathToFileURL(thread)).begin();
}
