import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';

import { endCall, isBrokenOff } from '../calls.js';
import { openToRead } from '../database.js';
import type { Database } from '../driver.js';
import { FilesMoved, filesAt, moved, sameFiles } from '../files.js';
import type { Files } from '../files.js';
import { isDamaged, isLocked } from '../store-error.js';
import { toFailure } from '../thread-messages.js';
import type { Table } from '../table.js';
import type { Answer } from '../thread-messages.js';
import type { ReaderData, ReaderQuestion, ReaderRequest, ReaderResult } from './reader-messages.js';

/** ms. Readers meet a lock only while a log is recovered, or is written back when the last program closes it. */
const lockTimeout = 5_000;
const lockRetry = 20;

/** Reads the file named in its `workerData`, in a thread. */
const { path, call } = workerData as ReaderData;
const port = parentPort as MessagePort;
let opened: { readonly sqlite: Database; readonly files: Files } | undefined;

port.on('message', (request: ReaderRequest) => {
  if (request.kind === 'end') {
    close();
    port.close();
  } else {
    port.postMessage(answer(request));
  }
  endCall(call);
});

function answer(question: ReaderQuestion): Answer<ReaderResult> {
  try {
    return { result: retryLocked(() => (question.kind === 'open' ? open().files : query(question))) };
  } catch (error) {
    return { failure: toFailure(error) };
  }
}

function open(): NonNullable<typeof opened> {
  if (opened !== undefined && moved(path, opened.files) !== undefined) close();
  if (opened === undefined) {
    const sqlite = openToRead(path, () => !isBrokenOff(call));
    // The log and its index exist from now on.
    opened = { sqlite, files: filesAt(path) };
  }
  return opened;
}

function query({ files, text, parameters }: ReaderQuestion & { readonly kind: 'query' }): Table {
  const isMoved = moved(path, files) !== undefined;
  // A thread that replaces an ended one opens the files itself.
  if (isMoved || !sameFiles(open().files, files))
    throw new FilesMoved(`${path} was removed or replaced while it was read: ask again when it is there`);
  return open().sqlite.prepare(text).table(parameters);
}

function close(): void {
  opened?.sqlite.close();
  opened = undefined;
}

/** Retries while another program holds the lock, and once after an error that looks like damage. */
function retryLocked<T>(work: () => T): T {
  const end = performance.now() + lockTimeout;
  for (let tries = 1; ; tries++) {
    try {
      return work();
    } catch (error) {
      const isWorthIt = isDamaged(error) ? tries === 1 : isLocked(error) && performance.now() < end;
      if (!isWorthIt || isBrokenOff(call)) throw error;
      Atomics.wait(call, 0, Atomics.load(call, 0), lockRetry);
    }
  }
}
