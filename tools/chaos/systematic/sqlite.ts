import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { DatabaseSync } from '@photostructure/sqlite';

import type { Sweep } from './sweep.js';

const program = fileURLToPath(new URL('sqlite-program.mjs', import.meta.url));
const checkpoints = fileURLToPath(new URL('early-checkpoints.mjs', import.meta.url));

/**
 * The system calls that can fail, and how: with an error, or by the end of the process before the call. Locking is not among them,
 * because no local file system fails it, and SQLite keeps a lock that it could not release.
 */
const faults: Readonly<Record<string, readonly string[]>> = {
  openat: ['EIO', 'EMFILE', 'kill'],
  pread64: ['EIO'],
  pwrite64: ['EIO', 'ENOSPC', 'kill'],
  fsync: ['EIO', 'kill'],
  ftruncate: ['EIO', 'ENOSPC', 'kill'],
  unlink: ['EIO', 'kill'],
};

interface Cut {
  readonly call: string;
  readonly fault: string;
  /** The number of the call in its thread, from 1. */
  readonly at: number;
}

/**
 * Makes every system call on the files of an SQLite store fail once, or kills the program at that call: from its start on the log of
 * a killed program until its second stop, including checkpoints of the log. Afterwards everything that was acknowledged must be
 * there, the database must be intact, and the store must have been unhealthy while something failed. It needs the built packages,
 * and strace.
 *
 * @param every only every n-th cut, 1 for all
 */
export async function sweepSqlite(
  { every = 1, lanes = 1, progress = (_: string): void => undefined },
  signal: AbortSignal,
): Promise<Sweep> {
  const folder = mkdtempSync(join(tmpdir(), 'nephoscope-sweep-'));
  try {
    const before = await leftByKilled(folder);
    const cuts = (await allCuts(folder)).filter((_, at) => at % every === 0);
    const wrong: string[] = [];
    let done = 0;
    const next = cuts.values();
    const work = async () => {
      for (const cut of next) {
        signal.throwIfAborted();
        const place = join(folder, `${cut.call}-${cut.fault}-${cut.at}`);
        const found = await tryCut(folder, place, before, cut, signal);
        wrong.push(...found.map((text) => `${cut.call} ${cut.at} ${cut.fault}: ${text}`));
        if (++done % 50 === 0) progress(`SQLite: ${done} of ${cuts.length} cuts, ${wrong.length} wrong`);
      }
    };
    await Promise.all(Array.from({ length: lanes }, work));
    return { name: "SQLite's files", cuts: cuts.length, wrong };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Creates the database with which each cut begins. @returns the message ids in it */
async function leftByKilled(folder: string): Promise<readonly string[]> {
  const { lines, signal } = await run([process.execPath, program, join(folder, 'samples.db'), 'kill']);
  if (signal !== 'SIGKILL') throw new Error(`the program was not killed: ${lines.join('\n')}`);
  return lines;
}

/** From the calls of a run without faults. */
async function allCuts(folder: string): Promise<readonly Cut[]> {
  const place = copy(folder, 'counted');
  const log = join(place, 'calls');
  const { lines } = await run(traced(place, ['-o', log, '-e', `trace=${Object.keys(faults).join(',')}`]));
  const wrong = lines.filter((line) => line.startsWith('wrong'));
  if (wrong.length > 0) throw new Error(`without a fault: ${wrong.join('\n')}`);
  const most = new Map<string, number>();
  const counts = new Map<string, number>();
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    const [, thread, call] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (thread === undefined || call === undefined) continue;
    const count = (counts.get(thread + call) ?? 0) + 1;
    counts.set(thread + call, count);
    most.set(call, Math.max(most.get(call) ?? 0, count));
  }
  const never = Object.keys(faults).filter((call) => !most.has(call));
  if (never.length > 0) throw new Error(`it never calls ${never.join(', ')}: what can fail must be known`);
  return Object.entries(faults).flatMap(([call, ways]) =>
    Array.from({ length: most.get(call) ?? 0 }, (_, at) =>
      ways.map((fault) => ({ call, fault, at: at + 1 })),
    ).flat(),
  );
}

async function tryCut(
  folder: string,
  place: string,
  before: readonly string[],
  { call, fault, at }: Cut,
  signal: AbortSignal,
): Promise<readonly string[]> {
  copy(folder, place);
  const what = fault === 'kill' ? 'signal=KILL' : `error=${fault}`;
  const inject = ['-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:${what}:when=${at}`];
  const { lines, code, killed } = await run(traced(place, inject), signal);
  const wrong = lines.filter(
    // Each new thread counts its calls from 1, so a file that it cannot open fails again at the next attempt.
    (line) => line.startsWith('wrong') && !(call === 'openat' && line.startsWith('wrong: gave up')),
  );
  if (killed) wrong.push('it did not end');
  else if (fault !== 'kill' && code !== 0) wrong.push(`it ended with ${code}`);
  const acknowledged = [...before, ...lines.filter((line) => !line.startsWith('wrong'))];
  wrong.push(...check(join(place, 'samples.db'), acknowledged));
  rmSync(place, { recursive: true });
  return wrong;
}

/** The problems of the database afterwards, when the disk works again. */
function check(path: string, acknowledged: readonly string[]): readonly string[] {
  const database = new DatabaseSync(path);
  try {
    const [intact] = database.prepare('pragma integrity_check').all() as { integrity_check: string }[];
    const rows = database.prepare('select lower(hex(key)) as key from samples').all() as { key: string }[];
    const keys = new Set(rows.map(({ key }) => key));
    const lost = acknowledged.filter((id) => !keys.has(id.replaceAll('-', ''))).length;
    return [
      ...(intact?.integrity_check === 'ok' ? [] : [`the database is damaged: ${intact?.integrity_check}`]),
      ...(lost === 0 ? [] : [`${lost} of ${acknowledged.length} acknowledged samples are lost`]),
      ...(keys.size === rows.length ? [] : [`${rows.length - keys.size} samples are there twice`]),
    ];
  } catch (error) {
    return [`it cannot be read: ${(error as Error).message}`];
  } finally {
    database.close();
  }
}

function copy(folder: string, name: string): string {
  const place = name.startsWith(folder) ? name : join(folder, name);
  mkdirSync(place);
  for (const file of ['samples.db', 'samples.db-wal']) copyFileSync(join(folder, file), join(place, file));
  return place;
}

function traced(place: string, options: readonly string[]): readonly string[] {
  const path = join(place, 'samples.db');
  const files = ['', '-wal', '-shm'].flatMap((part) => ['-P', path + part]);
  return [
    'strace',
    '-f',
    '-qq',
    '--seccomp-bpf',
    ...files,
    ...options,
    process.execPath,
    '--require',
    checkpoints,
    program,
    path,
  ];
}

interface Ended {
  readonly lines: readonly string[];
  readonly code: number | null;
  readonly signal: string | null;
  readonly killed: boolean;
}

function run([file, ...args]: readonly string[], signal?: AbortSignal): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      file as string,
      args,
      { timeout: 60_000, killSignal: 'SIGKILL', signal },
      (error, out) => {
        if (error !== null && typeof error.code === 'string') return reject(error);
        const lines = out.split('\n').filter((line) => line !== '');
        resolve({ lines, code: child.exitCode, signal: child.signalCode, killed: child.killed });
      },
    );
  });
}
