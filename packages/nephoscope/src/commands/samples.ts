import { formatTimestamp } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';
import { Command } from 'commander';

import { messageLine } from '../export/sample-rows.js';
import { withStore } from '../open-store.js';
import { print, printNote } from '../output.js';
import { runCommand } from '../run.js';
import { filterOf, withQueryOptions } from '../sample-query.js';
import type { QueryOptions } from '../sample-query.js';
import { groupDigits } from '../text/group-digits.js';
import { formatTable } from '../text/table.js';

const tableLimit = 50;

export function samplesCommand(): Command {
  return withQueryOptions(
    new Command('samples'),
    `at most this many, the newest (default: ${tableLimit} in a table, all with --json)`,
  )
    .summary('show recorded samples')
    .description('Shows recorded samples, the newest first.')
    .option(
      '--json',
      'each sample as one line of JSON: the message as it was received, every digit and its signature with it',
    )
    .addHelpText(
      'after',
      `
Examples:
  nephoscope samples --meter cpu --start 1h
  nephoscope samples --resource 5f3c1c4e-… --json | jq -r '[.timestamp, .counter_name, .counter_volume] | @tsv'
  nephoscope samples --store sqlite:/backup/samples.db --start 2026-11-01 --end 2026-12-01 --json > november.jsonl

Some readers of JSON round integers beyond 2^53; the output itself does not.`,
    )
    .action((options: QueryOptions & { json?: true }) =>
      runCommand((signal) =>
        withStore(options, signal, async ({ reader }) => {
          const limit = options.limit ?? (options.json === true ? undefined : tableLimit);
          const samples = reader.samples({ ...filterOf(options), newestFirst: true, limit }, signal);
          if (options.json === true) await printLines(samples);
          else await printTable(samples, options.limit === undefined);
        }),
      ),
    );
}

async function printLines(samples: AsyncIterable<Sample>): Promise<void> {
  for await (const { text } of samples) await print(`${messageLine(text)}\n`);
}

async function printTable(samples: AsyncIterable<Sample>, limitedByUs: boolean): Promise<void> {
  const rows: string[][] = [];
  for await (const sample of samples) {
    const { timestamp, resourceId, meter, volume, unit, type, projectId } = sample;
    rows.push([
      formatTimestamp(timestamp),
      resourceId,
      meter,
      groupDigits(volume),
      unit ?? '',
      type,
      projectId ?? '',
    ]);
  }
  if (rows.length === 0) return printNote('No samples match.');
  const columns = [
    { head: 'TIME' },
    { head: 'RESOURCE' },
    { head: 'METER' },
    { head: 'VOLUME', align: 'right' as const },
    { head: 'UNIT' },
    { head: 'TYPE' },
    { head: 'PROJECT' },
  ];
  await print(`${formatTable(columns, rows)}\n`);
  if (limitedByUs && rows.length === tableLimit)
    printNote(`The newest ${tableLimit}; more with --limit, all with --json.`);
}
