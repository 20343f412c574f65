import { join } from 'node:path';

import type { FakeBus } from '@nephoscope/testing';
import { jest } from '@jest/globals';

import type { SpoolMessage } from '../../src/spool/record.js';
import { copyAsKilled, counted, temporaryFolder } from '../support.js';
import { never, onDisk, openSpool, plain, textOf } from './support.js';
import type { SpoolFields } from './support.js';

const root = temporaryFolder();
let count = 0;
export const newFolder = () => join(root, `spool-${++count}`);

const opened: Awaited<ReturnType<typeof openSpool>>[] = [];
const sending: { stop(): void }[] = [];
// Pauses between attempts are randomised: these are the longest, so that a test that advances the clock knows what is due.
beforeEach(() => void jest.spyOn(Math, 'random').mockReturnValue(1));
afterEach(async () => {
  jest.restoreAllMocks();
  for (const sender of sending.splice(0)) sender.stop();
  await Promise.all(opened.splice(0).map(({ spool }) => spool.close()));
});

export async function spooling(fields: Partial<SpoolFields> = {}) {
  const made = await openSpool({ folder: newFolder(), ...fields });
  opened.push(made);
  const send = (bus?: FakeBus) => {
    const started = made.send(bus);
    sending.push(started.sender);
    return started;
  };
  const append = (...messages: SpoolMessage[]) => made.spool.append(messages, never);
  const records = () => onDisk(made.folder).flatMap((segment) => segment.records.map(({ record }) => record));
  return { ...made, send, append, records };
}

/** The folder as the next process finds it after kill -9. */
export function killed({ folder }: { readonly folder: string }): string {
  return copyAsKilled(folder, newFolder());
}

export const numbered = (first: number, howMany: number, size = 20) =>
  counted(howMany).map((index) => plain(String(first + index - 1).padStart(size, '0'), BigInt(first + index - 1)));
export const numbers = (messages: readonly { readonly body: Uint8Array }[]) =>
  messages.map((one) => Number(textOf(one)));
