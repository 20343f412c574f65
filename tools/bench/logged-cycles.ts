import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { root } from './measured-process.js';

export const agentCli = join(root, 'packages', 'agent-compute', 'dist', 'cli.js');

/** A cycle as the compute agent logs it. */
export interface LoggedCycle {
  readonly samples: number;
  readonly seconds: number;
}

/** The cycles of a running agent, each when it has finished. */
export async function* loggedCycles({ stderr }: ChildProcess): AsyncGenerator<LoggedCycle> {
  for await (const line of createInterface({ input: stderr as NodeJS.ReadableStream })) {
    const { msg, samples, seconds } = JSON.parse(line) as { msg?: string } & LoggedCycle;
    if (msg === 'cycle done') yield { samples, seconds };
  }
}
