import { NephoscopeError, isNephoscopeError } from '@nephoscope/core';
import { runToExit } from '@nephoscope/runtime';
import type { RootLogger } from '@nephoscope/runtime';
import { Command } from 'commander';

import { configOption, localDirectory, readUpConfiguration } from '../configuration.js';
import { printNote } from '../output.js';
import { upLive } from '../up/live.js';
import { upOnce } from '../up/once.js';

export function upCommand(): Command {
  return new Command('up')
    .summary('run everything in one process and show what is recorded')
    .description(
      'Runs the compute agent, the message bus, the collector, the sample store and the HTTP API in one process, and shows a live table of what the store has recorded.',
    )
    .option(...configOption)
    .option('--once', 'two cycles three seconds apart, then the table; exits with code 1 when anything failed')
    .addHelpText(
      'after',
      `
The bus is the in-process one unless the configuration has a section 'bus'. Without any configuration, one is
written into ./${localDirectory}, with a random secret and an SQLite database beside it; the other commands find it there.

The HTTP API answers on loopback alone, at http://127.0.0.1:8777, unless the section 'api' says otherwise.

Notifications of services and the central agent are programs of their own: nephoscope-collector, nephoscope-agent-central.

In a terminal the table is redrawn in place, with warnings and errors above it. Anywhere else each cycle's table
is printed, and the log goes to standard error as JSON lines. Ctrl-C ends it within 10 s.

Examples:
  nephoscope up                                     meter this host, here and now
  nephoscope up --once                              is everything all right?
  nephoscope up --config /etc/nephoscope/try.yaml`,
    )
    .action(({ config, once }: { config?: string; once?: true }) => up(config, once ?? false));
}

async function up(config: string | undefined, once: boolean): Promise<void> {
  let logger: RootLogger | undefined;
  process.exitCode = await runToExit(
    async (signal) => {
      const raw = await readUpConfiguration(config, printNote);
      try {
        if (once) await upOnce(raw, signal);
        else await upLive(raw, signal, (made) => (logger = made));
      } catch (error) {
        if (isNephoscopeError(error, 'OUTPUT_CLOSED')) return;
        throw once && signal.aborted
          ? new NephoscopeError('INTERRUPTED', 'interrupted before both cycles were done')
          : error;
      }
    },
    () => logger,
  );
}
