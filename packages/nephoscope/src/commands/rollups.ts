import { NephoscopeError, formatTimestamp } from '@nephoscope/core';
import type { RollupTurn, SampleStore } from '@nephoscope/core/sample-store';
import { systemClock } from '@nephoscope/runtime';
import { Command } from 'commander';

import { configOption } from '../configuration.js';
import { withStore } from '../open-store.js';
import { print, printNote } from '../output.js';
import { runCommand } from '../run.js';
import { groupDigits } from '../text/group-digits.js';

interface RollupsOptions {
  readonly config?: string;
  readonly store?: string;
}

const beat = 2_000;

export function rollupsCommand(): Command {
  const command = new Command('rollups')
    .summary('check rolled-up hours against their samples, or make them again')
    .description(
      'Collectors roll up the samples of each hour and day, from which usage and statistics are computed, also when the samples are removed. These commands work beside collectors.',
    );
  command
    .command('check')
    .summary('compare rollups with what their samples say')
    .description('Makes the rollups once more from the samples that are left, and lists those that differ.')
    .option(...configOption)
    .option('--store <url>', 'this database instead, such as sqlite:/var/lib/nephoscope/samples.db')
    .action((options: RollupsOptions) =>
      runCommand((signal) =>
        withStore(options, signal, ({ withRecording }) => withRecording((store) => check(store, signal))),
      ),
    );
  command
    .command('rebuild')
    .summary('make rollups again from the samples that are left')
    .description(
      'Discards the rollups of the days that all samples are left of, and makes them again. Those of older days are all that is left of them, and stay.',
    )
    .option(...configOption)
    .option('--store <url>', 'this database instead, such as sqlite:/var/lib/nephoscope/samples.db')
    .action((options: RollupsOptions) =>
      runCommand((signal) =>
        withStore(options, signal, ({ withRecording }) => withRecording((store) => rebuild(store, signal))),
      ),
    );
  return command;
}

async function rebuild(store: SampleStore, signal: AbortSignal): Promise<void> {
  const rollups = rollupsOf(store);
  const until = systemClock.now();
  await rollups.rebuild(signal);
  let [samples, spans, shown] = [0, 0, Date.now()];
  let turn: RollupTurn;
  do {
    turn = await rollups.turn(until, signal);
    samples += turn.samples;
    spans += turn.spans;
    if (Date.now() - shown < beat || turn.rolledBefore === undefined) continue;
    shown = Date.now();
    printNote(`Rolled up until ${formatTimestamp(turn.rolledBefore)} …`);
  } while (turn.isMore);
  const end =
    turn.rolledBefore === undefined ? 'nothing was recorded' : `until ${formatTimestamp(turn.rolledBefore)}`;
  await print(
    `${groupDigits(String(samples))} samples are rolled up to ${groupDigits(String(spans))} hours of series, ${end}.\n`,
  );
}

async function check(store: SampleStore, signal: AbortSignal): Promise<void> {
  let shown = Date.now();
  let wrong = 0;
  let days = 0;
  for await (const { day, different, checked } of rollupsOf(store).check(signal)) {
    days += checked;
    wrong += different.length;
    for (const { meter, resourceId, source } of different)
      await print(`${formatTimestamp(day).slice(0, 10)}  ${meter}  ${resourceId}  ${source}\n`);
    if (Date.now() - shown < beat) continue;
    shown = Date.now();
    printNote(`Checked until ${formatTimestamp(day).slice(0, 10)} …`);
  }
  if (wrong > 0)
    throw new NephoscopeError(
      'ROLLUPS_DIFFER',
      `${wrong} of ${days} days of series differ from their samples: they are listed above. 'nephoscope rollups rebuild' makes them again`,
    );
  await print(`${groupDigits(String(days))} days of series are what their samples say.\n`);
}

function rollupsOf({ rollups }: SampleStore) {
  if (rollups !== undefined) return rollups;
  throw new NephoscopeError('ROLLUPS_UNKNOWN', 'this store does not roll samples up');
}
