/**
 * `node --expose-gc --import measured-memory.mjs …`: prints every minute the memory of the program after a garbage collection,
 * in bytes, as one line of JSON on stdout for each of its threads.
 */
import process from 'node:process';
import { setInterval } from 'node:timers';
import { threadId } from 'node:worker_threads';

setInterval(() => {
  globalThis.gc();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  process.stdout.write(`${JSON.stringify({ threadId, heapUsed, arrayBuffers, rss })}\n`);
}, 60_000).unref();
