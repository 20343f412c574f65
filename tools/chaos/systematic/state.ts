import { cpSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describeError } from '@nephoscope/core';

import type { Sweep } from './sweep.js';
import { diskModels, ModelDisk } from './state/disk-model.js';
import { judge } from './state/judge.js';
import { WatchedDisk } from './state/watched-disk.js';
import type { Effect, Fault } from './state/watched-disk.js';
import { lastCycle, recover, work } from './state/workload.js';
import type { Ledger } from './state/workload.js';

/** How calls fail, beginning with each of them. */
const faults: readonly (Omit<Fault, 'at'> & { readonly name: string })[] = [
  { name: 'EIO once', code: 'EIO', calls: 0, done: 'nothing' },
  { name: 'EIO once, though it was done', code: 'EIO', calls: 0, done: 'all' },
  { name: 'EIO 3 times', code: 'EIO', calls: 2, done: 'nothing' },
  { name: 'a short write, and no space for 12 calls', code: 'ENOSPC', calls: 11, done: 'half' },
];

/**
 * Sweeps the state directory of the compute agent: each call to its disk fails in turn, and it is left as each crash leaves it, from a
 * start over several cycles and a restart to the end. Afterwards the agent starts, and sequence numbers, epochs and accepted samples
 * are correct.
 *
 * @param every only every n-th call or crash; which ones differs between the faults
 */
export async function sweepState(
  {
    every = 1,
    progress = () => undefined,
  }: { readonly every?: number; readonly progress?: (text: string) => void },
  signal: AbortSignal,
): Promise<Sweep> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'nephoscope-sweep-')));
  const wrong: string[] = [];
  let cuts = 0;
  const report = (where: string, found: readonly string[]) => {
    cuts += 1;
    for (const text of found) {
      wrong.push(`${where}: ${text}`);
      progress(`  ${where}: ${text}`);
    }
  };
  try {
    const trace = await record(join(root, 'trace'));
    progress(`${trace.calls} calls, ${trace.steps.length} states of the disk`);
    for (const [number, model] of diskModels.entries())
      for (let at = number % every; at < trace.steps.length && !signal.aborted; at += every)
        report(`crash ${at}, ${model.name}`, await crash(trace, at, number, join(root, 'crash')));
    for (const [number, { name, ...fault }] of faults.entries())
      for (let at = 1 + (number % every); at <= trace.calls && !signal.aborted; at += every)
        report(`call ${at}, ${name}`, await fail({ ...fault, at }, join(root, 'fault')));
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  signal.throwIfAborted();
  return { name: 'state directory', cuts, wrong };
}

/** The effects on the disk, each with what was known about the agent at that time. */
interface Trace {
  readonly root: string;
  readonly steps: readonly { readonly effect: Effect; readonly ledger: Ledger }[];
  readonly calls: number;
}

const newLedger = (): Ledger => ({ sent: [], taken: new Set() });
const copyOf = ({ sent, taken }: Ledger): Ledger => ({ sent: [...sent], taken: new Set(taken) });

async function record(root: string): Promise<Trace> {
  await mkdir(root);
  const ledger = newLedger();
  const steps: { effect: Effect; ledger: Ledger }[] = [];
  const disk = WatchedDisk.install(root);
  let known = copyOf(ledger);
  // Between two events the ledger is the one after the first.
  const onEvent = () => {
    for (const effect of disk.effects.slice(steps.length)) steps.push({ effect, ledger: known });
    known = copyOf(ledger);
  };
  try {
    const agent = await work(join(root, 'state'), ledger, onEvent);
    agent.isBusAway = false;
    // On this clock stopping waits for only 40 ms.
    await agent.outbox.flush(AbortSignal.timeout(20_000));
    await agent.outbox.stop();
    onEvent();
  } finally {
    disk.uninstall();
  }
  const found = judge(ledger);
  if (found.length > 0) throw new Error(`without any fault: ${found.join('; ')}`);
  return { root, steps, calls: disk.calls };
}

/** The outcome of a crash after this many effects, with the disk as the model leaves it. */
async function crash(
  { root, steps }: Trace,
  at: number,
  model: number,
  folder: string,
): Promise<readonly string[]> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  const disk = new ModelDisk();
  for (const { effect } of steps.slice(0, at + 1)) disk.apply(effect);
  await disk.write(diskModels[model]!, root, folder);
  const ledger = copyOf(steps[at]!.ledger);
  return outcome(join(folder, 'state'), ledger, Math.max(0, ...ledger.taken) + 1);
}

async function fail(fault: Fault, folder: string): Promise<readonly string[]> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  const ledger = newLedger();
  const state = join(folder, 'state');
  const copy = join(folder, 'copy');
  const disk = WatchedDisk.install(state);
  disk.fault = fault;
  let killed: Ledger;
  try {
    const agent = await work(state, ledger);
    killed = copyOf(ledger);
    copyAsKilled(state, copy);
    agent.isBusAway = false;
    // It may report that something could not be written; what was written is judged below.
    await agent.outbox.stop().catch(() => undefined);
  } catch (error) {
    return [`it does not work any more: ${describeError(error)}`];
  } finally {
    disk.uninstall();
  }
  const wrong = (await outcome(copy, killed, lastCycle)).map((text) => `killed at the end: ${text}`);
  return [...wrong, ...(await outcome(state, ledger, lastCycle)).map((text) => `stopped at the end: ${text}`)];
}

/** Copies the state as kill -9 leaves it; again if a file disappears meanwhile. */
function copyAsKilled(state: string, copy: string): void {
  for (;;) {
    try {
      return cpSync(state, copy, { recursive: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      rmSync(copy, { recursive: true, force: true });
    }
  }
}

async function outcome(directory: string, ledger: Ledger, cycle: number): Promise<readonly string[]> {
  try {
    await recover(directory, ledger, cycle);
  } catch (error) {
    return [`it does not start or work again: ${describeError(error)}`];
  }
  return judge(ledger);
}
