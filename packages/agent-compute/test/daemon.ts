import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { Sample, SampleReader } from '@nephoscope/core/sample-store';
import { isNephoscopeError } from '@nephoscope/core';
import { systemClock } from '@nephoscope/runtime';
import sql from '@nephoscope/storage-sql';
import { RecordingLogger } from '@nephoscope/testing';

import { waitUntil } from '../../../tools/testbed/processes.js';

export type Program = 'agent-compute' | 'agent-central' | 'collector';

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [key: string]: unknown;
}

/** A program as an operator runs it: built, and in a separate process. */
export interface Daemon {
  readonly pid: number;
  /** The log lines so far; a line that is not JSON, as for an invalid configuration, has its text in `msg`. */
  readonly log: readonly LogLine[];
  kill(signal: NodeJS.Signals): void;
  /** Closes the reading end of its log. */
  hangUp(): void;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Stops it; resolves with how it ended and after how many seconds. */
  stop(): Promise<{ readonly code: number | NodeJS.Signals; readonly seconds: number }>;
  /** The response of its status server, once that is listening. */
  status(path: string): Promise<{ readonly status: number; readonly text: string }>;
}

const commands: Record<Program, readonly [string, ...string[]]> = {
  'agent-compute': [pathOf('../bin/nephoscope-agent-compute')],
  'agent-central': [pathOf('../../agent-central/bin/nephoscope-agent-central')],
  collector: [pathOf('../../collector/bin/nephoscope-collector')],
};

function pathOf(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}

const root = mkdtempSync(join(tmpdir(), 'nephoscope-daemons-'));
const daemons = new Set<Daemon>();
let files = 0;

/** Ends the remaining processes, and removes the folders. To be called after all tests of a file. */
export async function endDaemons(): Promise<void> {
  const left = [...daemons];
  for (const daemon of left) daemon.kill('SIGKILL');
  await Promise.all([...left.map(({ ended }) => ended), endReaders()]);
  rmSync(root, { recursive: true, force: true });
}

export function newFolder(): string {
  const folder = join(root, `${++files}`);
  mkdirSync(folder);
  return folder;
}

/** @param port of its status server; a free one by default */
export function startDaemon(
  program: Program,
  configuration: object,
  args: readonly string[] = [],
  port = 0,
): Daemon {
  const file = join(root, `${++files}.yaml`);
  // JSON is YAML too.
  writeFileSync(file, JSON.stringify({ status: { port }, ...configuration }));
  const [command, ...before] = commands[program];
  // Variables of the tests start with the same prefix as those of the configuration.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NEPHOSCOPE_')));
  const child = spawn(command, [...before, '--config', file, ...args], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log: LogLine[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    log.push(line.startsWith('{') ? (JSON.parse(line) as LogLine) : { level: 'error', msg: line });
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    daemons.delete(daemon);
    return (code ?? signal) as number | NodeJS.Signals;
  });
  const daemon: Daemon = {
    pid: child.pid as number,
    log,
    ended,
    kill: (signal) => void child.kill(signal),
    hangUp: () => void child.stderr.destroy(),
    async stop() {
      const start = performance.now();
      child.kill('SIGTERM');
      return { code: await ended, seconds: (performance.now() - start) / 1_000 };
    },
    async status(path) {
      const url = () =>
        port === 0
          ? (log.find((line) => 'status' in line)?.['status'] as string | undefined)
          : `http://127.0.0.1:${port}`;
      let answer: Response | undefined;
      await waitUntil(`${program} answers ${path}: ${JSON.stringify(log)}`, async () => {
        const base = url();
        answer =
          base === undefined
            ? undefined
            : await fetch(base + path, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
        return answer !== undefined;
      });
      return { status: answer!.status, text: await answer!.text() };
    },
  };
  daemons.add(daemon);
  return daemon;
}

export const messages = ({ log }: Daemon, level?: string) =>
  log.filter((line) => level === undefined || line.level === level).map(({ msg }) => msg);

/** All samples in a database. */
export async function samplesIn(database: string): Promise<Sample[]> {
  return reading(database, async (reader, signal) => {
    const samples: Sample[] = [];
    for await (const sample of reader.samples({ scope: 'all' }, signal)) samples.push(sample);
    return samples;
  });
}

/** The number of samples in a database; 0 before it exists, and while a collector creates its tables. */
export async function countIn(database: string): Promise<number> {
  try {
    return await reading(database, async (reader, signal) =>
      (await reader.meters({ scope: 'all' }, signal)).reduce((sum, { samples }) => sum + samples, 0),
    );
  } catch (error) {
    if (isNephoscopeError(error, 'STORE_MISSING') || isNephoscopeError(error, 'STORE_SCHEMA_OLDER')) return 0;
    throw error;
  }
}

/** Each is opened once: a reader is a thread, and a test that waits for a count asks every few milliseconds. */
const readers = new Map<string, SampleReader>();

async function reading<T>(
  database: string,
  read: (reader: SampleReader, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const signal = AbortSignal.timeout(120_000);
  let reader = readers.get(database);
  if (reader === undefined) {
    const options = sql.options.parse({ url: `sqlite:${database}` });
    reader = sql.createReader({ options, clock: systemClock, logger: new RecordingLogger(), host: 'test' });
    await reader.start(signal);
    readers.set(database, reader);
  }
  return await read(reader, signal);
}

/** Closes it, so that the file system of its database can be unmounted. */
export async function endReaders(): Promise<void> {
  const open = [...readers.values()];
  readers.clear();
  await Promise.all(open.map((reader) => reader.stop()));
}
