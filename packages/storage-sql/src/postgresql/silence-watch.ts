import { setTimeout as delay } from 'node:timers/promises';

import type { Queryable } from './queryable.js';
import { endSession, stateOf } from './other-sessions.js';
import { sqlState } from './store-error.js';

/** So long an answer that is on its way may take, ms. */
const grace = 1_000;

/** A connection on which something is asked. */
export interface Watched {
  /** The id of the server's own process; undefined where it is not known, as behind a pooler, whose ids are its own. */
  readonly process: () => number | undefined;
  /** How many bytes came. */
  readonly received: () => number;
  /** As its sessions are named on the server. */
  readonly name: string;
  readonly cut: (problem: string) => void;
  /** Another connection to the same server, made for this. */
  readonly other: () => Promise<Queryable>;
}

/** Looks from time to time, until the end, what the server does with what was asked. */
export interface SilenceWatch {
  /** Who holds the lock that is waited for. */
  readonly holders: string | undefined;
  end(): void;
}

/** @param silence ms between two looks; 0: never */
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
 * Cuts the connection when it is of no use to wait any more: no other one is to be had, or the server is done or waits
 * for more, and nothing comes. Never rejects.
 *
 * @returns who holds the lock that is waited for
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
    // It may have answered just now.
    await delay(Math.min(grace, silence));
    if (!isAsked() || watched.received() !== before) return undefined;
    watched.cut('the server is done, and its answer did not come');
    // In the middle of a transaction it would keep its locks for as long as anything at the other end holds the connection.
    await endSession(other, process, watched.name);
  } catch (error) {
    // What the server says, if only that it lets no other one in, shows that it is there.
    if (isAsked() && sqlState(error) === undefined) watched.cut('no answer, and no other connection either');
  } finally {
    await other?.close().catch(() => undefined);
  }
  return undefined;
}
