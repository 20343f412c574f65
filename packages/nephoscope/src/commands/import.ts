import { NephoscopeError, counterTypes } from '@nephoscope/core';
import type { Secret } from '@nephoscope/core/options';
import { createSigner, createVerifier } from '@nephoscope/message';
import { printable, systemClock } from '@nephoscope/runtime';
import { Command, Option } from 'commander';

import { configOption } from '../configuration.js';
import type { GnocchiMetric } from '../import/gnocchi-table.js';
import { entriesOf } from '../import/open-import.js';
import { Recording } from '../import/recording.js';
import type { Counts } from '../import/recording.js';
import { withStoreToImport } from '../open-store.js';
import type { StoreToImport } from '../open-store.js';
import { print, printNote } from '../output.js';
import { withSignsOfLife } from '../progress.js';
import { runCommand } from '../run.js';
import { groupDigits } from '../text/group-digits.js';

interface ImportOptions {
  readonly config?: string;
  readonly store?: string;
  readonly dryRun?: true;
  readonly meter?: string;
  readonly type?: string;
  readonly unit?: string;
  readonly resource?: string;
  readonly project?: string;
  readonly user?: string;
  readonly aggregation?: string;
}

export function importCommand(): Command {
  return new Command('import')
    .summary('record samples of an export, of Ceilometer or of Gnocchi')
    .description(
      "Records samples from files, or from standard input ('-'). The format is recognised: NDJSON (an export of this command, samples of Ceilometer's API), CSV or tab-separated values of Ceilometer's table of samples, an SQLite file of Ceilometer, CSV of Gnocchi's measures. docs/import-and-export.md has a recipe for each.",
    )
    .argument('<files...>', 'what to import')
    .option(...configOption)
    .option('--store <url>', 'record into this database instead, such as sqlite:/var/lib/nephoscope/samples.db')
    .option('--dry-run', 'check everything and record nothing')
    .optionsGroup('For measures of Gnocchi, unless the table has such columns:')
    .option('--meter <name>', 'what they measure, such as cpu')
    .addOption(new Option('--type <type>', 'kind of the meter').choices(counterTypes))
    .option('--unit <unit>', 'unit of the meter')
    .option('--resource <id>', 'what was measured')
    .option('--project <id>', 'whose it is')
    .option('--user <id>', 'whose it is')
    .option('--aggregation <method>', 'how Gnocchi made them of readings: mean, last, …')
    .addHelpText(
      'after',
      `
A message that is signed with one of the configured secrets is recorded as it is. Everything else is taken over: it is
signed with the first secret, its publisher is import/ceilometer or import/gnocchi, and taken_over_from in its metadata
names the system. Volumes keep all digits. A sample is recorded once, by its message id, however often it is imported, and
also if a collector recorded it: after an interruption, repeat the command.

What could not be recorded is listed with its line and the reason, and the exit code is 1.

Examples:
  nephoscope import --dry-run october.ndjson
  nephoscope import october.ndjson november.ndjson
  nephoscope import /var/lib/ceilometer/ceilometer.sqlite
  nephoscope import cpu.csv --meter cpu --type cumulative --unit ns --resource 5f3c1c4e-… --aggregation last`,
    )
    .action((files: readonly string[], options: ImportOptions) =>
      runCommand((signal) =>
        withStoreToImport(options, signal, (opened) => importFiles(files, options, opened, signal)),
      ),
    );
}

async function importFiles(
  files: readonly string[],
  options: ImportOptions,
  { store, secrets, retention }: StoreToImport,
  signal: AbortSignal,
): Promise<void> {
  const leftOut = new Set<string>();
  const settings = {
    signer: createSigner({ secret: secrets[0] as Secret, form: 'canonical' }),
    verifier: createVerifier({ secrets }),
    leftOut,
    note: printNote,
  };
  const report = (place: string, problem: string) => print(`${printable(`${place}: ${problem}`)}\n`);
  const recording = new Recording({ store, retention, clock: systemClock, report });
  const metric = metricOf(options);
  const work = async () => {
    for (const file of files) {
      for await (const entry of entriesOf(file, metric, settings, signal)) {
        signal.throwIfAborted();
        await recording.add(entry);
      }
      await recording.finish();
    }
  };
  const dry = options.dryRun === true;
  try {
    await withSignsOfLife(() => `${summaryOf(recording.counts, dry)} …`, work());
  } catch (error) {
    printNote(
      `So far: ${summaryOf(recording.counts, dry)}. When the command is repeated, nothing is recorded twice.`,
    );
    throw error;
  }
  if (leftOut.size > 0) printNote(`Fields that were not taken over: ${printable([...leftOut].join(', '))}`);
  await print(`${summaryOf(recording.counts, dry)}\n`);
  const { refused } = recording.counts;
  if (refused > 0)
    throw new NephoscopeError(
      'SAMPLES_NOT_IMPORTED',
      `${groupDigits(String(refused))} samples were refused: see the list for the reasons`,
    );
}

function summaryOf({ takenOver, asSigned, recorded, before, refused }: Counts, dry: boolean): string {
  const count = (number: number) => groupDigits(String(number));
  const read = `${count(takenOver + asSigned)} samples (${count(takenOver)} taken over, ${count(asSigned)} as they were signed)`;
  const what = dry ? 'nothing recorded' : `${count(recorded)} recorded, ${count(before)} recorded before`;
  return `${read}: ${what}; ${count(refused)} refused`;
}

function metricOf({ meter, type, unit, resource, project, user, aggregation }: ImportOptions): GnocchiMetric {
  return { meter, type, unit, resource_id: resource, project_id: project, user_id: user, aggregation };
}
