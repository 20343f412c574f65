import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';

import { endCall } from './calls.js';
import { openDatabase } from './database.js';
import type { Database } from './driver.js';
import { moved } from './files.js';
import { RowWriter } from './row-writer.js';
import { toFailure } from './thread-messages.js';
import type { Answer, Question, Request, ThreadData } from './thread-messages.js';

/** The thread that writes into the file named in its `workerData`. */
const { path, files, call } = workerData as ThreadData;
const port = parentPort as MessagePort;
let opened: { readonly sqlite: Database; readonly writer: RowWriter } | undefined;

port.on('message', (request: Request) => {
  if (request.kind === 'end') {
    opened?.sqlite.close();
    port.close();
  } else {
    port.postMessage(answer(request));
  }
  endCall(call);
});

function answer(question: Question): Answer<number> {
  try {
    // Within the transaction, every failure must end it.
    if (question.kind !== 'write') checkFiles();
    opened ??= open();
    const result = count(opened.writer, question);
    // A commit is acknowledged only if the file is still at its path.
    if (question.kind !== 'begin') checkFiles();
    return { result };
  } catch (error) {
    // A removed file is reported as such, whatever the error.
    return { failure: toFailure(moved(path, files) ?? error) };
  }
}

function open(): NonNullable<typeof opened> {
  const sqlite = openDatabase(path, 'writing');
  try {
    return { sqlite, writer: new RowWriter(sqlite) };
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

/** @throws FilesMoved */
function checkFiles(): void {
  const change = moved(path, files);
  if (change !== undefined) throw change;
}

function count(writer: RowWriter, question: Question): number {
  switch (question.kind) {
    case 'begin':
      return writer.begin();
    case 'write':
      return writer.write(question.batch);
    case 'removeBefore':
      return writer.removeBefore(question.time, question.since, question.limit, question.noted);
    case 'writeRollups':
      return writer.writeRollups(question.statements);
    case 'endPeriod':
      return writer.endPeriod(question.period);
    case 'removeShared':
      return writer.removeShared(question.period);
  }
}
