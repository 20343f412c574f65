import { formatTimestamp } from '@nephoscope/core';
import type { SampleQuery, SampleReader, SampleStore } from '@nephoscope/core/sample-store';
import { Command } from 'commander';

import { configOption } from '../configuration.js';
import { withStore } from '../open-store.js';
import { print, printNote } from '../output.js';
import { withSignsOfLife } from '../progress.js';
import { runCommand } from '../run.js';
import { momentOption } from '../sample-query.js';
import { groupDigits } from '../text/group-digits.js';

interface RetentionOptions {
  readonly config?: string;
  readonly store?: string;
  readonly before: bigint;
  readonly remove?: true;
}

export function retentionCommand(): Command {
  return new Command('retention')
    .summary('count recorded samples that are older than a time, or remove them')
    .description(
      'Counts the recorded samples that are older than a time and, with --remove, removes them for ever: those that collectors leave to you, since a clock that is wrong may have made them old.',
    )
    .option(...configOption)
    .option('--store <url>', 'this database instead, such as sqlite:/var/lib/nephoscope/samples.db')
    .requiredOption('--before <time>', "a day as 2026-11-22, a time, or '400d' for 400 days ago", momentOption)
    .option('--remove', 'removes them')
    .addHelpText(
      'after',
      `
Works beside collectors. A store that keeps samples in partitions removes whole ones: some of the last week
before the time may stay.

Examples:
  nephoscope retention --before 400d
  nephoscope retention --before 1971-01-01 --remove`,
    )
    .action((options: RetentionOptions) =>
      runCommand((signal) =>
        withStore(options, signal, ({ reader, withRecording }) =>
          options.remove === true
            ? withRecording((store) => removeOlder(store, options.before))
            : countOlder(reader, options.before, signal),
        ),
      ),
    );
}

async function removeOlder(store: SampleStore, before: bigint): Promise<void> {
  const removed = await withSignsOfLife((seconds) => `Removing … ${seconds} s`, store.removeBefore(before));
  if ((await store.recordedTimes(before)) !== undefined)
    printNote(
      'Some older ones stay: of a week that is not over then, or of hours that collectors have not rolled up yet. Run it again later.',
    );
  return print(
    `${groupDigits(String(removed))} samples of before ${formatTimestamp(before)} are removed. Collectors refuse what comes again of them ('expired').\n`,
  );
}

async function countOlder(reader: SampleReader, before: bigint, signal: AbortSignal): Promise<void> {
  const time = formatTimestamp(before);
  const counted = reader.meters({ scope: 'all', end: before }, signal);
  const meters = await withSignsOfLife((seconds) => `Counting … ${seconds} s`, counted);
  const samples = meters.reduce((sum, one) => sum + one.samples, 0);
  if (samples === 0) return print(`No samples are of before ${time}.\n`);
  const first = await timeOf(reader, { scope: 'all', end: before, newestFirst: false }, signal);
  const last = await timeOf(reader, { scope: 'all', end: before, newestFirst: true }, signal);
  return print(
    `${groupDigits(String(samples))} samples are of before ${time}, of ${first} to ${last}. With --remove they are removed for ever.\n`,
  );
}

async function timeOf(reader: SampleReader, query: SampleQuery, signal: AbortSignal): Promise<string> {
  for await (const { timestamp } of reader.samples({ ...query, limit: 1 }, signal))
    return formatTimestamp(timestamp);
  return 'no time';
}
