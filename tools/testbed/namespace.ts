import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { environment, waitUntil } from './processes.js';

/** Processes of their own process-id (mount, network, …) namespace: see {@link openNamespace}. */
export interface Namespace {
  /** Writes a line to the first process's stdin. */
  send(line: string): void;
  /** The outer id of the process with the id `inner` inside. @throws Error if there is none */
  outerPid(inner: number): Promise<number>;
  /** Whether the first process still runs. */
  isOpen(): boolean;
  /** The first process's stderr. */
  said(): string;
  /** Ends all processes in it, also stopped ones, and waits for their end. */
  close(): Promise<void>;
}

/**
 * Runs a bash script as the first process of new namespaces. The script must end when its stdin closes:
 * then the kernel kills whatever else runs in there, and takes back its mounts and network devices. So
 * nothing is left also when this process dies in a way that lets it do nothing more.
 *
 * @param kinds of namespaces beside that of process ids, as options of `unshare`
 */
export function openNamespace(
  kinds: readonly ('--mount' | '--net')[],
  script: string,
  args: readonly string[],
  env = environment,
): Namespace {
  const unshare = spawn(
    'unshare',
    ['--pid', '--fork', '--kill-child', '--mount-proc', ...kinds, 'bash', script, ...args],
    {
      stdio: ['pipe', 'ignore', 'pipe'],
      // Ctrl-C in a terminal is for the one that holds the other end of stdin: it closes in order.
      detached: true,
      env,
    },
  );
  let said = '';
  unshare.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-8_192);
  });
  unshare.stdin.on('error', () => undefined); // It ended before it read all: isOpen() and said() tell.
  const ended = endOf(unshare);
  return {
    send: (line) => void unshare.stdin.write(`${line}\n`),
    outerPid: (inner) => findOuterPid(unshare, inner),
    isOpen: () => unshare.exitCode === null && unshare.signalCode === null,
    said: () => said,
    async close() {
      unshare.stdin.end();
      const timer = setTimeout(() => unshare.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

async function endOf(child: ChildProcess): Promise<void> {
  await Promise.race([once(child, 'exit'), once(child, 'error')]);
}

async function findOuterPid(unshare: ChildProcess, inner: number): Promise<number> {
  const namespace = await readlink(`/proc/${unshare.pid}/ns/pid_for_children`);
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    // Processes may end during the search; those are not the wanted one.
    const status = await readFile(`/proc/${entry}/status`, 'utf8').catch(() => '');
    if (Number(/^NSpid:.*\t(\d+)$/m.exec(status)?.[1]) !== inner) continue;
    if ((await readlink(`/proc/${entry}/ns/pid`).catch(() => '')) === namespace) return Number(entry);
  }
  throw new Error(`No process ${inner} in ${namespace}`);
}

/** Reads the pid file that a process in the namespace wrote, once it is there: a number, alone on its first line. */
export async function outerPidFrom(namespace: Namespace, file: string, deadline = 30_000): Promise<number> {
  let inner = 0;
  await waitUntil(
    `${file} holds a process id`,
    async () => (inner = Number((await readFile(file, 'utf8').catch(() => '')).split('\n')[0])) > 0,
    deadline,
  );
  return namespace.outerPid(inner);
}
