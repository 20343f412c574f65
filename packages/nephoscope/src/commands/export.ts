import type { SampleFilter } from '@nephoscope/core/sample-store';
import { Command, Option } from 'commander';

import { configOption } from '../configuration.js';
import { writeFileWhole } from '../export/output-file.js';
import { exportFormats, sampleRows } from '../export/sample-rows.js';
import { withStore } from '../open-store.js';
import { printExactly, printNote } from '../output.js';
import { withSignsOfLife } from '../progress.js';
import { runCommand } from '../run.js';
import { listOption, momentOption, rangeOf } from '../sample-query.js';
import { groupDigits } from '../text/group-digits.js';

interface ExportOptions {
  readonly config?: string;
  readonly store?: string;
  readonly meter?: readonly string[];
  readonly resource?: readonly string[];
  readonly project?: readonly string[];
  readonly user?: readonly string[];
  readonly source?: readonly string[];
  readonly start?: bigint;
  readonly end?: bigint;
  readonly format: keyof typeof exportFormats;
  readonly output?: string;
}

export function exportCommand(): Command {
  return new Command('export')
    .summary('write recorded samples as NDJSON or CSV')
    .description(
      'Writes recorded samples, the oldest first: as NDJSON, each message exactly as it was received, with its signature; or as CSV for spreadsheets. The fields have the names of Ceilometer.',
    )
    .option(...configOption)
    .option('--store <url>', 'read this database instead, such as sqlite:/var/lib/nephoscope/samples.db')
    .option('--meter <name>', 'only this meter; may be repeated', listOption)
    .option('--resource <id>', 'only this resource; may be repeated', listOption)
    .option('--project <id>', 'only this project; may be repeated', listOption)
    .option('--user <id>', 'only this user; may be repeated', listOption)
    .option('--source <name>', 'only this source; may be repeated', listOption)
    .option('--start <time>', "from this time on: 2026-11-22T21:00:00Z, or '2h' for two hours ago", momentOption)
    .option('--end <time>', 'before this time', momentOption)
    .addOption(
      new Option('--format <format>', 'of the output').choices(Object.keys(exportFormats)).default('ndjson'),
    )
    .option('--output <file>', 'write this new file, which has its name only when it is complete')
    .addHelpText(
      'after',
      `
The last line has the number of samples and the SHA-256 of all bytes before that line. An export without it was cut.
It can be checked: head -n -1 samples.ndjson | sha256sum
'nephoscope import' reads NDJSON, and checks it. In CSV, a text that a spreadsheet would run as a formula begins with '.

Examples:
  nephoscope export --start 2026-10-01 --end 2026-11-01 --output october.ndjson
  nephoscope export --project 0d8f… --meter cpu --start 7d --format csv > cpu.csv
  nephoscope export | gzip > samples.ndjson.gz`,
    )
    .action((options: ExportOptions) => runCommand((signal) => exportSamples(options, signal)));
}

async function exportSamples(options: ExportOptions, signal: AbortSignal): Promise<void> {
  await withStore(options, signal, async ({ reader }) => {
    let written = 0;
    const samples = reader.samples(filterOf(options), signal);
    async function* counted() {
      for await (const sample of samples) {
        yield sample;
        written += 1;
      }
    }
    const parts = exportFormats[options.format]({ ...sampleRows, items: counted() });
    const { output } = options;
    await withSignsOfLife(
      () => `${groupDigits(String(written))} samples …`,
      output === undefined ? printExactly(parts) : writeFileWhole(output, parts),
    );
    printNote(`${groupDigits(String(written))} samples exported`);
  });
}

function filterOf({ meter, resource, project, user, source, start, end }: ExportOptions): SampleFilter {
  const names = { meters: meter, resources: resource, projects: project, users: user, sources: source };
  return { scope: 'all', ...names, ...rangeOf({ start, end }) };
}
