import { formatTimestamp } from '@nephoscope/core';
import type { ResourceSummary } from '@nephoscope/core/sample-store';
import { formatJson, parseJson } from '@nephoscope/message';
import { Command } from 'commander';

import { withStore } from '../open-store.js';
import { print, printNote } from '../output.js';
import { withSignsOfLife } from '../progress.js';
import { runCommand } from '../run.js';
import { filterOf, withQueryOptions } from '../sample-query.js';
import type { QueryOptions } from '../sample-query.js';
import { formatTable } from '../text/table.js';

const columns = [
  { head: 'RESOURCE' },
  { head: 'PROJECT' },
  { head: 'USER' },
  { head: 'FIRST' },
  { head: 'LAST' },
  { head: 'METERS', align: 'right' },
] as const;

export function resourcesCommand(): Command {
  return withQueryOptions(new Command('resources'), 'at most this many')
    .summary('list the resources of which samples were recorded')
    .description(
      'Lists the resources (instances, their disks and network cards) of which samples were recorded: whose they are, and the time of the first and the last sample.',
    )
    .option('--json', 'each resource as one line of JSON, with its meters and its latest metadata')
    .addHelpText(
      'after',
      `
Examples:
  nephoscope resources --project 0d8f…
  nephoscope resources --meter cpu --start 10m --json | jq .metadata.display_name`,
    )
    .action((options: QueryOptions & { json?: true }) =>
      runCommand((signal) =>
        withStore(options, signal, async ({ reader }) => {
          const resources = reader.resources({ ...filterOf(options), limit: options.limit }, signal);
          if (options.json === true) {
            for await (const resource of resources) await print(`${jsonLine(resource)}\n`);
            return;
          }
          const rows = await withSignsOfLife((seconds) => `Looking … ${seconds} s`, rowsOf(resources));
          if (rows.length === 0) printNote('No samples match.');
          else await print(`${formatTable(columns, rows)}\n`);
        }),
      ),
    );
}

async function rowsOf(resources: AsyncIterable<ResourceSummary>): Promise<string[][]> {
  const rows: string[][] = [];
  for await (const resource of resources) rows.push(row(resource));
  return rows;
}

function namesOf(meters: ResourceSummary['meters']): readonly string[] {
  return [...new Set(meters.map(({ name }) => name))];
}

function row({ resourceId, projectId, userId, firstTimestamp, lastTimestamp, meters }: ResourceSummary): string[] {
  return [
    resourceId,
    projectId ?? '',
    userId ?? '',
    formatTimestamp(firstTimestamp),
    formatTimestamp(lastTimestamp),
    String(namesOf(meters).length),
  ];
}

/** The metadata is inserted as JSON text, so that its numbers keep their digits. */
function jsonLine({
  resourceId,
  projectId,
  userId,
  source,
  firstTimestamp,
  lastTimestamp,
  meters,
  metadata,
}: ResourceSummary): string {
  const head = JSON.stringify({
    resource_id: resourceId,
    project_id: projectId,
    user_id: userId,
    source,
    first_timestamp: formatTimestamp(firstTimestamp),
    last_timestamp: formatTimestamp(lastTimestamp),
    meters: namesOf(meters),
  });
  return `${head.slice(0, -1)},"metadata":${formatJson(parseJson(metadata))}}`;
}
