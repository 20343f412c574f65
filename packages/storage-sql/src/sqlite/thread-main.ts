import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';

import type Database from 'libsql';

import { openDatabase } from './database.js';
import { RowWriter } from './row-writer.js';
import { toFailure } from './thread-messages.js';
import type { Answer, Question, Request } from './thread-messages.js';

/** The thread that writes into the file that its `workerData` names. */
const path = workerData as string;
const port = parentPort as MessagePort;
let opened: { readonly sqlite: Database.Database; readonly writer: RowWriter } | undefined;

port.on('message', (request: Request) => {
  if (request.kind === 'end') {
    opened?.sqlite.close();
    port.close();
  } else {
    port.postMessage(answer(request));
  }
});

function answer(question: Question): Answer {
  try {
    opened ??= open();
    return { count: count(opened.writer, question) };
  } catch (error) {
    return { failure: toFailure(error) };
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

function count(writer: RowWriter, question: Question): number {
  switch (question.kind) {
    case 'begin':
      return writer.begin();
    case 'write':
      return writer.write(question.batch);
    case 'removeBefore':
      return writer.removeBefore(question.time, question.limit);
    case 'endPeriod':
      return writer.endPeriod(question.period);
    case 'removeShared':
      return writer.removeShared(question.period);
  }
}
