import { conflictRule } from '@nephoscope/collector';
import { formatTimestamp } from '@nephoscope/core';
import type { SampleReader } from '@nephoscope/core/sample-store';
import { formatJson, JsonNumber } from '@nephoscope/message';
import { Command } from 'commander';

import { conflicts } from '../conflicts.js';
import type { Conflict, Figure } from '../conflicts.js';
import { withStore } from '../open-store.js';
import { print, printNote } from '../output.js';
import { runCommand } from '../run.js';
import { filterOf, withQueryOptions } from '../sample-query.js';
import type { QueryOptions } from '../sample-query.js';
import { groupDigits } from '../text/group-digits.js';
import { formatTable } from '../text/table.js';

const tableLimit = 50;

export function conflictsCommand(): Command {
  return withQueryOptions(
    new Command('conflicts'),
    `at most this many of the conflicting samples, the newest (default: ${tableLimit} in a table, all with --json)`,
  )
    .summary('list events with several, different figures')
    .description(
      `Lists each event that a service announced more than once with different figures, with all samples recorded for it and which of them count. One of them may be forged. ${conflictRule}`,
    )
    .option('--json', 'each event as one line of JSON')
    .addHelpText(
      'after',
      `
Metering messages are signed: where another one came under the id of one that was recorded, what was recorded counts, and
the other one is among the dead letters (nephoscope dead-letters list, reason 'conflict').

Examples:
  nephoscope conflicts --start 30d
  nephoscope conflicts --resource 5f3c1c4e-… --json`,
    )
    .action((options: QueryOptions & { json?: true }) =>
      runCommand((signal) => withStore(options, signal, ({ reader }) => list(reader, options, signal))),
    );
}

async function list(
  reader: SampleReader,
  options: QueryOptions & { json?: true },
  signal: AbortSignal,
): Promise<void> {
  const limit = options.limit ?? (options.json === true ? undefined : tableLimit);
  const rows: string[][] = [];
  for await (const conflict of conflicts(reader, { ...filterOf(options), limit }, signal)) {
    if (options.json === true) await print(`${jsonOf(conflict)}\n`);
    else rows.push(...rowsOf(conflict));
  }
  if (options.json === true) return;
  if (rows.length === 0) return printNote('No conflicts match.');
  await print(`${formatTable(columns, rows)}\n`);
  printNote(conflictRule);
}

const columns = [
  { head: 'RESOURCE' },
  { head: 'METER' },
  { head: 'RECORDED' },
  { head: 'TIME' },
  { head: 'VOLUME', align: 'right' },
  { head: 'UNIT' },
  { head: 'PROJECT' },
  { head: 'COUNTS' },
] as const;

/** Resource and meter are shown once per event. */
function rowsOf({ figures }: Conflict): string[][] {
  return figures.map(({ sample, recorded, counts }, at) => [
    at === 0 ? sample.resourceId : '',
    at === 0 ? sample.meter : '',
    recorded,
    formatTimestamp(sample.timestamp),
    groupDigits(sample.volume),
    sample.unit ?? '',
    sample.projectId ?? '',
    counts ? 'yes' : '',
  ]);
}

function jsonOf({ id, figures }: Conflict): string {
  const { resourceId, meter } = (figures[0] as Figure).sample;
  const recorded = figures.map(
    ({ sample, recorded: how, counts }) =>
      new Map(
        Object.entries({
          recorded: how,
          counts,
          message_id: sample.messageId,
          timestamp: formatTimestamp(sample.timestamp),
          counter_volume: new JsonNumber(sample.volume),
          counter_unit: sample.unit,
          project_id: sample.projectId,
          user_id: sample.userId,
          publisher_id: sample.publisherId,
        }),
      ),
  );
  return formatJson(
    new Map(Object.entries({ message_id: id, resource_id: resourceId, counter_name: meter, figures: recorded })),
  );
}
