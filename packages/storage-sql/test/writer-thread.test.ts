import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';

import { jest } from '@jest/globals';
import type { Sample } from '@nephoscope/core/sample-store';
import { exampleSample } from '@nephoscope/testing';

import { Database, SqliteError } from '../src/sqlite/driver.js';
import { filesAt } from '../src/sqlite/files.js';
import { isLocked, storeError } from '../src/sqlite/store-error.js';
import { fromFailure, toFailure } from '../src/sqlite/thread-messages.js';
import { ThreadWriter } from '../src/sqlite/thread-writer.js';
import { all, storeAt } from './store-at.js';
import type { StoreAt } from './store-at.js';
import { waitUntil } from '../../../tools/testbed/processes.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const never = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), 'nephoscope-store-'));
const running: StoreAt[] = [];
/** Messages to reading threads, and the last message to any thread. */
const ofReaders = ['open', 'query', 'end'];
/** The threads that received a message to write, each once. */
const threads: Worker[] = [];
/** Called with each message to a thread, before it is sent. */
let onQuestion: (kind: string, thread: Worker) => void = () => undefined;

beforeEach(() => {
  const postMessage = Worker.prototype.postMessage;
  jest.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, ...message) {
    const { kind } = message[0] as { kind: string };
    if (!ofReaders.includes(kind) && !threads.includes(this)) threads.push(this);
    onQuestion(kind, this);
    postMessage.apply(this, message);
  });
});
afterEach(async () => {
  onQuestion = () => undefined;
  await Promise.all(running.splice(0).map((store) => store.stop()));
  threads.splice(0);
  jest.restoreAllMocks();
});
afterAll(() => rmSync(folder, { recursive: true }));

const data = { path: '/samples.db', files: filesAt('/samples.db') };
let places = 0;
const newPath = () => join(folder, `${++places}.db`);

async function started(path = newPath()): Promise<StoreAt> {
  const store = storeAt(path);
  running.push(store);
  await store.start(never);
  return store;
}

const batch = (count: number): Sample[] =>
  Array.from({ length: count }, (_, at) => exampleSample({ sequence: BigInt(at), resourceId: `r${at % 7}` }));

describe('the writing thread', () => {
  it('is shared by all writes, and not used by lookups', async () => {
    const store = await started();
    expect(await store.recordedTimes()).toBeUndefined();
    expect(await store.recordedAs(batch(2))).toEqual([]);
    expect(threads).toEqual([]);
    await store.record(batch(2));
    await store.record(batch(2));
    expect(await store.removeBefore(2n ** 62n)).toBe(4);
    expect(threads).toHaveLength(1);
  });

  it('allows others to read earlier samples while it writes', async () => {
    const store = await started();
    const [before, meanwhile] = [batch(3), batch(500)];
    await store.record(before);
    let seen: Promise<Sample[]> | undefined;
    onQuestion = (kind) => {
      if (kind === 'write') seen = all(store);
    };
    const recorded = store.record(meanwhile);
    await recorded;
    const found = await seen;
    // The whole batch or nothing of it.
    expect([3, 503]).toContain(found?.length);
    expect(await all(store)).toHaveLength(503);
  });

  it.each(['begin', 'write'])(
    'fails a batch if it ends at %s, and the next batch starts another thread',
    async (at) => {
      const path = newPath();
      const store = await started(path);
      // So many that the thread ends before the last one is written, even on a fast disk.
      const [before, lost, after] = [batch(10), batch(3_000), batch(10)];
      await store.record(before);
      onQuestion = (kind, thread) => {
        if (kind === at) thread.postMessage({ kind: 'end' });
      };
      await expect(store.record(lost)).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: `the thread that writes ${path} has ended (exit code 0): the next batch starts another one`,
      });
      expect(store.health()).toEqual({ ok: false, reason: expect.stringContaining('has ended') });
      onQuestion = () => undefined;
      expect(await store.record(after)).toEqual({ recorded: 10, duplicates: 0 });
      expect(store.health()).toEqual({ ok: true });
      expect(threads).toHaveLength(2);
      const { recorded, duplicates } = await store.record(lost);
      // The batch may have been written, and only its answer lost.
      expect([recorded, duplicates].sort()).toEqual([0, lost.length]);
      expect(new Set((await all(store)).map(({ messageId }) => messageId))).toEqual(
        new Set([...before, ...lost, ...after].map(({ messageId }) => messageId)),
      );
    },
  );

  it('may end between two batches', async () => {
    const store = await started();
    const samples = batch(20);
    await store.record(samples.slice(0, 10));
    await threads[0]?.terminate();
    expect(await store.record(samples)).toEqual({ recorded: 10, duplicates: 10 });
    expect(await all(store)).toHaveLength(20);
  });

  it('accepts the next batch after one that it did not receive', async () => {
    const store = await started();
    await store.record(batch(10));
    const impossible = exampleSample({ timestamp: 2n ** 63n });
    await expect(store.record([...batch(3), exampleSample({ meter: 'new' }), impossible])).rejects.toMatchObject({
      code: 'SAMPLE_INVALID',
    });
    const later = [...batch(10), exampleSample({ meter: 'new' }), exampleSample({ meter: 'newer' })];
    expect(await store.record(later)).toEqual({ recorded: 12, duplicates: 0 });
    expect(await all(store, { meters: ['new'] })).toHaveLength(1);
    expect(await all(store, { meters: ['newer'] })).toHaveLength(1);
  });

  it('ends with the store, after the last batch, and leaves no file open', async () => {
    const path = newPath();
    const store = await started(path);
    const recorded = store.record(batch(300));
    await store.stop();
    expect(await recorded).toEqual({ recorded: 300, duplicates: 0 });
    expect(threads[0]?.threadId).toBe(-1);
    // The driver closes its descriptors when the statements have been collected; those of the thread wait for the last one.
    const isOpen = () => readdirSync('/proc/self/fd').some((fd) => linkOf(fd) === path);
    for (let tries = 0; isOpen() && tries < 500; tries++) {
      collectGarbage();
      await nextTurn();
    }
    expect(isOpen()).toBe(false);
  });

  it('is abandoned if it does not answer in time', async () => {
    const program = join(folder, 'stuck.mjs');
    const text = `import { parentPort } from 'node:worker_threads';
      parentPort.on('message', ({ kind }) => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
        if (kind === 'end') parentPort.close();
      });`;
    writeFileSync(program, text);
    const writer = new ThreadWriter(data, pathToFileURL(program), 50);
    const reason = /^the disk of \/samples.db has not answered for 0.05 s: look for what holds it up/;
    const unavailable = { code: 'STORE_UNAVAILABLE', message: expect.stringMatching(reason) };
    await expect(writer.begin()).rejects.toMatchObject(unavailable);
    // As long as it runs it may still write: no other thread is started, and nobody waits for it.
    await expect(writer.removeBefore(1n, 0n, 1, 1n)).rejects.toMatchObject(unavailable);
    await expect(writer.end()).rejects.toMatchObject(unavailable);
    await waitUntil('the thread has ended', () => writer.ended);
    await writer.end();
    // The same for one that does not end when it is asked to.
    await expect(new ThreadWriter(data, pathToFileURL(program), 50).end()).rejects.toMatchObject(unavailable);
  });

  it('reports why its program did not run', async () => {
    const program = join(folder, 'program.mjs');
    writeFileSync(program, 'import "./nowhere.mjs";');
    const writer = new ThreadWriter(data, pathToFileURL(program));
    await expect(writer.begin()).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/^the thread that writes \/samples.db has ended \(.*nowhere/),
    });
    expect(writer.ended).toBe(true);
    await writer.end();
  });

  it('reports its failure', async () => {
    const program = join(folder, 'failing.mjs');
    const text =
      "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { throw new Error('no memory'); });";
    writeFileSync(program, text);
    await expect(new ThreadWriter(data, pathToFileURL(program)).removeBefore(1n, 0n, 1, 1n)).rejects.toMatchObject(
      {
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining('no memory)'),
      },
    );
    await expect(new ThreadWriter(data, pathToFileURL(program)).end()).rejects.toThrow('no memory');
  });
});

describe('an error from the thread', () => {
  const crossed = (error: unknown) => fromFailure(structuredClone(toFailure(error)));
  const thrown = (work: () => unknown): unknown => {
    try {
      work();
    } catch (error) {
      return error;
    }
    throw new Error('nothing was thrown');
  };

  it.each([
    ['disk full', 13, 'STORE_UNAVAILABLE', 'is full'],
    ['read-only', 8 + 4 * 256, 'STORE_UNAVAILABLE', 'cannot be written'],
    ['damaged', 11 + 3 * 256, 'STORE_INVALID', 'is damaged'],
    ['not a database', 26, 'STORE_INVALID', 'is no SQLite database'],
    ['input or output', 10, 'STORE_UNAVAILABLE', 'disk I/O'],
  ])('keeps its code and text: %s', (_, code, expected, text) => {
    const error = new SqliteError('disk I/O error', code);
    expect(storeError(crossed(error), '/a.db')).toMatchObject({
      code: expected,
      message: expect.stringContaining(text),
    });
  });

  it('is still recognised as a lock', () => {
    const path = newPath();
    const [one, other] = [new Database(path), new Database(path)];
    one.exec('begin immediate');
    expect(isLocked(crossed(thrown(() => other.exec('begin immediate'))))).toBe(true);
    one.close();
    other.close();
  });

  it('is still recognised as a failure to open', () => {
    expect(storeError(crossed(thrown(() => new Database(folder))), '/a.db')).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('cannot be opened'),
    });
  });

  it("is passed on unchanged if it is not the store's", () => {
    const error = crossed(new TypeError('a mistake'));
    expect(error).toMatchObject({ message: 'a mistake' });
    expect(storeError(error, '/a.db')).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: '/a.db failed: a mistake',
    });
  });
});

function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // The descriptor of this listing itself.
    return undefined;
  }
}
