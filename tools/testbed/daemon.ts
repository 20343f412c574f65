import { readFile, rm } from 'node:fs/promises';
import { outerPidFrom, type Namespace } from './namespace.js';
import { isAlive, waitUntil } from './processes.js';

/** A daemon that the first process of a namespace restarts for each line on its stdin. */
export interface Daemon {
  /** Its process id; another one after each {@link start}. */
  pid(): Promise<number>;
  /** Starts it and waits until it is ready. @throws Error with the end of its log when it does not get so */
  start(): Promise<void>;
  /** Ends it by the signal and waits for its end; the namespace stays, for another {@link start}. */
  end(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

interface DaemonOptions {
  /** As a person calls it. */
  name: string;
  namespace: Namespace;
  /** Where it writes its process id, and its output. */
  pidFile: string;
  log: string;
  /** Returns when it is ready, or soon after {@link Namespace.isOpen} has become false. @throws Error if it is late */
  ready(): Promise<void>;
}

export function daemonIn({ name, namespace, pidFile, log, ready }: DaemonOptions): Daemon {
  const pid = () => outerPidFrom(namespace, pidFile);
  return {
    pid,
    async start() {
      namespace.send('start');
      try {
        await ready();
        if (!namespace.isOpen()) throw new Error('its namespace has ended');
      } catch (error) {
        const end = (await readFile(log, 'utf8').catch(() => '')).slice(-4_096);
        throw new Error(`The private ${name} does not start.\n${namespace.said()}${end}`, { cause: error });
      }
    },
    async end(signal) {
      const old = await pid();
      process.kill(old, signal);
      await waitUntil(`${name} (${old}) ends`, async () => !(await isAlive(old)));
      await rm(pidFile, { force: true });
    },
  };
}
