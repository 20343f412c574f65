import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** An unrequested end. */
export interface UnexpectedExit {
  readonly program: string;
  /** When, ms; in a report since the first fault could begin, and negative before. */
  readonly at: number;
  /** The signal or the exit code. */
  readonly how: string;
  readonly lastLines: readonly string[];
}

export interface ProgramDefinition {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** The directory of its log. */
  readonly logs: string;
  readonly onUnexpectedExit: (how: string, lastLines: readonly string[]) => void;
}

/** As systemd's RestartSec. */
const restartPause = 1_000;
const keptLines = 12;
const longestStop = 15_000;

/** A program under a service manager: restarted whenever it ends, unless it was asked to. */
export class Supervised {
  readonly name: string;
  readonly #definition: ProgramDefinition;
  readonly #log: WriteStream;
  #child: ChildProcess | undefined;
  #wanted = false;
  #restart: NodeJS.Timeout | undefined;
  #lastLines: string[] = [];
  #peakMemory = 0;
  #starts = 0;

  constructor(definition: ProgramDefinition) {
    this.name = definition.name;
    this.#definition = definition;
    this.#log = createWriteStream(join(definition.logs, `${definition.name}.log`), { flags: 'a' });
  }

  /** The most resident memory that any of its processes was seen with, bytes. */
  get peakMemory(): number {
    return this.#peakMemory;
  }

  get starts(): number {
    return this.#starts;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  start(): void {
    this.#wanted = true;
    clearTimeout(this.#restart);
    if (this.#child !== undefined) return;
    const [command, ...args] = this.#definition.command;
    const child = (this.#child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: programEnvironment,
    }));
    this.#starts += 1;
    this.#lastLines = [];
    for (const stream of [child.stdout, child.stderr]) this.#keepLines(stream);
    child.once('error', (error) => this.#lastLines.push(error.message));
    // The end of its output is awaited too, because its last lines give the reason.
    child.once('close', (code, signal) => this.#ended(signal ?? `exit code ${code}`));
  }

  /**
   * Ends it until it is started again.
   *
   * @returns how it ended; undefined when it did not run
   */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<string | undefined> {
    this.#wanted = false;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined) return undefined;
    await this.measureMemory();
    child.kill(signal);
    const overdue = setTimeout(() => child.kill('SIGKILL'), longestStop);
    const [code, by] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    clearTimeout(overdue);
    const how = by ?? `exit code ${code}`;
    // One that was just started has no handler of the signal yet.
    if (signal === 'SIGTERM' && how !== 'exit code 0' && how !== 'SIGTERM')
      this.#definition.onUnexpectedExit(`${how}, told to stop`, this.#lastLines.slice(-keptLines));
    return how;
  }

  /** From here on it may end by itself. Resolves when it has. */
  async endsByItself(): Promise<string> {
    this.#wanted = false;
    clearTimeout(this.#restart);
    if (this.#child === undefined) return 'was not running';
    const [code, by] = (await once(this.#child, 'close')) as [number | null, NodeJS.Signals | null];
    return by ?? `exit code ${code}`;
  }

  /** @returns whether there was a process to send it to */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): boolean {
    return this.#child?.kill(signal) ?? false;
  }

  async measureMemory(): Promise<void> {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    // It may end at this moment.
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const peak = Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024;
    this.#peakMemory = Math.max(this.#peakMemory, peak);
  }

  #ended(how: string): void {
    this.#child = undefined;
    this.#log.write(`--- ended: ${how}\n`);
    if (!this.#wanted) return;
    this.#definition.onUnexpectedExit(how, this.#lastLines.slice(-keptLines));
    this.#restart = setTimeout(() => this.start(), restartPause);
  }

  #keepLines(stream: NodeJS.ReadableStream): void {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      this.#log.write(text);
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      this.#lastLines.push(...lines.map((line) => line.slice(0, 2_000)));
      if (this.#lastLines.length > 10 * keptLines) this.#lastLines.splice(0, this.#lastLines.length - keptLines);
    });
  }
}

/** Of an operator's service: nothing of what this process was started with, nor of how the project's tests run. */
const programEnvironment: NodeJS.ProcessEnv = { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'] };
