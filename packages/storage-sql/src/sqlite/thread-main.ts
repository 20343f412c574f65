import { statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';

import { NephoscopeError } from '@nephoscope/core';
import type Database from 'libsql';

import { openDatabase } from './database.js';
import { RowWriter } from './row-writer.js';
import { toFailure } from './thread-messages.js';
import type { Answer, Question, Request } from './thread-messages.js';

/** The thread that writes into the file that its `workerData` names. */
const path = workerData as string;
const port = parentPort as MessagePort;
let opened: { readonly sqlite: Database.Database; readonly writer: RowWriter; readonly file: string } | undefined;

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
    if (question.kind === 'begin') checkPlace(opened.file);
    return { count: count(opened.writer, question) };
  } catch (error) {
    return { failure: toFailure(error) };
  }
}

function open(): NonNullable<typeof opened> {
  const sqlite = openDatabase(path, 'writing');
  try {
    return { sqlite, writer: new RowWriter(sqlite), file: fileAt() };
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

/** What is written into a file that was removed is lost with the last who has it open. @throws STORE_UNAVAILABLE */
function checkPlace(file: string): void {
  if (fileAt() === file) return;
  throw new NephoscopeError(
    'STORE_UNAVAILABLE',
    `${path} was removed or replaced while it was open: put it back, or start this program again to go on with what is there`,
  );
}

/** Which file the path leads to; empty for none. */
function fileAt(): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.dev}:${stat.ino}`;
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
