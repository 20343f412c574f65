/** Runs `runToExit` as a program, with the deadlines a hundred times shorter: `run-to-exit.ts <case>`. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { NephoscopeError } from '@nephoscope/core';

const { setTimeout: inFull } = globalThis;
globalThis.setTimeout = Object.assign((callback: () => void, ms = 0) => inFull(callback, ms / 100), inFull);

const { createLogger, runToExit, untilAborted } = await import('../src/index.js');

const logger = createLogger({ name: 'test', level: 'info' });
const say = (text: string) => process.stdout.write(`${text}\n`);
const handle = () => setInterval(() => undefined, 1_000);

const cases: Record<string, (signal: AbortSignal) => Promise<void>> = {
  done: () => Promise.resolve(),
  fails: () => Promise.reject(new NephoscopeError('BUS_REFUSED', 'wrong password', { cause: new Error('403') })),
  defect: () => Promise.reject(new TypeError('x is undefined')),
  async stops(signal) {
    const open = handle();
    say('running');
    await untilAborted(signal);
    clearInterval(open);
    say('stopped');
  },
  async throwsReason(signal) {
    const open = handle();
    say('running');
    await untilAborted(signal);
    clearInterval(open);
    signal.throwIfAborted();
  },
  async failsToStop(signal) {
    const open = handle();
    say('running');
    await untilAborted(signal);
    clearInterval(open);
    throw new NephoscopeError('STOP_FAILED', 'the store does not close');
  },
  async heeds(signal) {
    const open = handle();
    for (const name of ['SIGHUP', 'SIGUSR1', 'SIGUSR2']) process.once(name, () => say(`heard ${name}`));
    say('running');
    await untilAborted(signal);
    clearInterval(open);
  },
  async warns() {
    process.emitWarning('11 abort listeners added', { type: 'MaxListenersExceededWarning', code: 'W1' });
    await new Promise((resolve) => setImmediate(resolve));
  },
  umask() {
    say(process.umask().toString(8));
    return Promise.resolve();
  },
  async talks() {
    for (let line = 0; line < 50; line++) {
      logger.info({}, 'a line');
      process.stderr.write('another\n');
      await new Promise((resolve) => inFull(resolve, 10));
    }
    say('done');
  },
  async prints() {
    for (let line = 0; line < 50; line++) {
      say('a line');
      await new Promise((resolve) => inFull(resolve, 10));
    }
    logger.info({}, 'done');
  },
  async hangs(signal) {
    handle();
    say('running');
    await untilAborted(signal);
    say('stopping');
    await new Promise(() => undefined);
  },
  waitsForNothing: () => new Promise(() => undefined),
  async leavesOpen() {
    handle();
  },
  async leavesCall() {
    const folder = mkdtempSync(join(tmpdir(), 'nephoscope-call-'));
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    // As on a disk that hangs: the kernel waits for a writer.
    void open(pipe);
    await new Promise((resolve) => inFull(resolve, 200));
    rmSync(folder, { recursive: true });
  },
  async waitsForSecond(signal) {
    const open = handle();
    say('running');
    await untilAborted(signal);
    say('stopping');
    await new Promise<void>((resolve) => process.once('SIGINT', () => resolve()));
    clearInterval(open);
    say('stopped');
  },
};

const [name = '', withLogger] = process.argv.slice(2);
process.exitCode = await runToExit(cases[name] as (signal: AbortSignal) => Promise<void>, () =>
  withLogger === undefined ? undefined : logger,
);
