import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';

import { rounded } from './statistics.js';

/** `VmRSS` and `VmHWM` (its highest) of a process, MiB. */
export async function memoryOf(pid: number): Promise<{ readonly VmRSS: number; readonly VmHWM: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    if (kib === undefined) throw new Error(`/proc/${pid}/status has no ${name}`);
    return rounded(Number(kib) / 1024);
  };
  return { VmRSS: field('VmRSS'), VmHWM: field('VmHWM') };
}

let ticksPerSecond: number | undefined;

/** `Pss` of a process, MiB: pages that others map as well, such as those of Node.js itself, count in part. */
export async function proportionalMemoryOf(pid: number): Promise<number> {
  const kib = /^Pss:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
  if (kib === undefined) throw new Error(`/proc/${pid}/smaps_rollup has no Pss`);
  return rounded(Number(kib) / 1024);
}

/** CPU time (user and system, all threads) of a process and its descendants so far, including those that ended; ms. */
export async function cpuOf(pid: number): Promise<number> {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  const processes = (await Promise.all((await readdir('/proc')).filter(isNumber).map(readStat))).filter(
    (stat) => stat !== undefined,
  );
  const ticksBelow = (parent: number): number =>
    processes
      .filter((process) => process.parent === parent)
      .reduce((sum, process) => sum + process.ticks + ticksBelow(process.pid), 0);
  const own = processes.find((process) => process.pid === pid);
  if (own === undefined) throw new Error(`there is no process ${pid}`);
  return ((own.ticks + ticksBelow(pid)) * 1_000) / ticksPerSecond;
}

const isNumber = (text: string) => /^\d+$/.test(text);

interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Its own CPU time, and that of its children that it has waited for. */
  readonly ticks: number;
}

/** Undefined for a process that ended meanwhile. */
async function readStat(pid: string): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  // proc(5): the name, in parentheses, may contain anything; the fields after it are state, ppid, … from the third on.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]);
  return { pid: Number(pid), parent: field(4), ticks: field(14) + field(15) + field(16) + field(17) };
}
