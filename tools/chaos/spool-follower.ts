import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { bundle } from '../testbed/bundle.js';
import type { SpoolTaken } from './spool-ledger.js';

const answerTime = 30_000;

/** The process that follows an agent's spool: see follow-spool.ts. */
export class SpoolFollower {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(directory: string): Promise<SpoolFollower> {
    const program = await bundle(new URL('follow-spool.ts', import.meta.url), 'built');
    const child = fork(program, [directory], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const follower = new SpoolFollower(child);
    await follower.#answer();
    return follower;
  }

  /** @throws Error if it does not answer, because a ledger that has ended is incomplete */
  async taken(): Promise<SpoolTaken> {
    const answer = this.#answer();
    this.#child.send('taken');
    return (await answer) as SpoolTaken;
  }

  stop(): void {
    this.#child.disconnect();
  }

  async #answer(): Promise<unknown> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(answerTime)]);
    const message = once(this.#child, 'message', { signal });
    const ended = once(this.#child, 'exit', { signal });
    try {
      const [answer] = (await Promise.race([message, ended])) as [unknown];
      if (this.#child.exitCode !== null) throw new Error('the process that follows the spool has ended');
      return answer;
    } finally {
      over.abort();
      await Promise.allSettled([message, ended]);
    }
  }
}
