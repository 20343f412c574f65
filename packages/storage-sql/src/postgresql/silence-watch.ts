import { setTimeout as delay } from 'node:timers/promises';

import type { Queryable } from './queryable.js';
import { endSession, stateOf } from './other-sessions.js';
import { sqlState } from './store-error.js';

/** Time for an answer that is on its way, ms. */
const grace = 1_000;

/** A connection with a query in progress. */
export interface Watched {
  /** The process id of the server's backend; undefined if unknown, as behind a pooler, which has its own ids. */
  readonly process: () => number | undefined;
  /** Number of bytes received. */
  readonly received: () => number;
  /** The name of its sessions on the server. */
  readonly name: string;
  readonly cut: (problem: string) => void;
  /** Opens another connection to the same server for this purpose. */
  readonly other: () => Promise<Queryable>;
}

/** Checks at intervals what the server does with the query, until `end`. */
export interface SilenceWatch {
  /** The sessions that hold the lock it waits for. */
  readonly holders: string | undefined;
  end(): void;
}

/** @param silence ms between two checks; 0: never */
export function watchSilence(watched: Watched, silence: number): SilenceWatch {
  let timer: NodeJS.Timeout | undefined;
  let holders: string | undefined;
  let isAsked = silence > 0;
  const lookLater = () => {
    timer = setTimeout(() => {
      void look(watched, silence, () => isAsked)
        .then((found) => (holders = found))
        .finally(() => isAsked && lookLater());
    }, silence);
  };
  if (isAsked) lookLater();
  return {
    get holders() {
      return holders;
    },
    end: () => {
      isAsked = false;
      clearTimeout(timer);
    },
  };
}

/**
 * Closes the connection if waiting is useless: no other connection can be opened, or the server has finished or waits
 * for more input, and nothing arrives. Never rejects.
 *
 * @returns the sessions that hold the lock it waits for
 */
async function look(watched: Watched, silence: number, isAsked: () => boolean): Promise<string | undefined> {
  const process = watched.process();
  if (process === undefined) return undefined;
  const before = watched.received();
  let other: Queryable | undefined;
  try {
    other = await watched.other();
    const { isAtWork, holders } = await stateOf(other, process);
    if (isAtWork) return holders;
    // The answer may have been sent just now.
    await delay(Math.min(grace, silence));
    if (!isAsked() || watched.received() !== before) return undefined;
    watched.cut('the server is done, and its answer did not come');
    // In the middle of a transaction it would keep its locks as long as anything at the other end holds the
    // connection.
    await endSession(other, process, watched.name);
  } catch (error) {
    // Any response of the server, even a refused connection, shows that it is alive.
    if (isAsked() && sqlState(error) === undefined) watched.cut('no answer, and no other connection either');
  } finally {
    await other?.close().catch(() => undefined);
  }
  return undefined;
}
