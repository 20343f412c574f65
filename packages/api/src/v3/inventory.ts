import type { ResourceSummary } from '@nephoscope/core/sample-store';
import { z } from 'zod';

import { csvLine } from '../csv.js';
import { Problem } from './problem.js';
import { filterOf, pageShape, selectionShape, timesShape, whereShape } from './queries.js';
import { inRows, json, jsonText, nextLink, route } from './route.js';
import {
  meterSchema,
  metersSchema,
  projectSchema,
  projectsSchema,
  resourcePageSchema,
  resourceSchema,
} from './schemas.js';
import { utcText } from './times.js';

// What there is: resources, meters and projects.

const usualPage = 100;
const filterShape = { ...selectionShape, ...timesShape, ...whereShape };

const resourceColumns = [
  'resource_id',
  'project_id',
  'user_id',
  'source',
  'first_timestamp',
  'last_timestamp',
  'owners',
  'meters',
];

export const listResources = route({
  path: '/v3/resources',
  operationId: 'listResources',
  summary: 'Resources',
  description:
    'What has samples, by id, with its owners, meters and latest metadata. Only samples that match count: with `start` and `end`, times and metadata are those of that time.',
  query: z.object({ ...filterShape, ...pageShape }),
  reply: resourcePageSchema,
  row: resourceSchema,
  columns: `\`${resourceColumns.join('`, `')}\`, the last two as numbers of them`,
  async answer(asked, { limit, cursor, ...rest }) {
    const { reader, scope, signal, format } = asked;
    const filter = { ...filterOf(rest, scope), after: cursor };
    const rows = {
      head: resourceColumns,
      csv: resourceLine,
      json: resourceText,
    };
    if (format !== 'json' && limit === undefined && cursor === undefined)
      return inRows(format, { ...rows, items: reader.resources(filter, signal) });
    const size = limit ?? usualPage;
    const found: ResourceSummary[] = [];
    // One more, to know whether a page follows.
    for await (const one of reader.resources({ ...filter, limit: size + 1 }, signal)) found.push(one);
    const items = found.slice(0, size);
    const next = found.length > size ? items.at(-1)?.resourceId : undefined;
    const headers = nextLink(asked, next);
    if (format !== 'json') return { ...inRows(format, { ...rows, items }, () => next), headers };
    const text = `{"resources":[${items.map(resourceText).join(',')}],"next":${JSON.stringify(next ?? null)}}`;
    return { ...jsonText(text), headers };
  },
});

export const getResource = route({
  path: '/v3/resources/{resource_id}',
  operationId: 'getResource',
  summary: 'One resource',
  description: 'A resource with its owners, meters and latest metadata.',
  names: { resource_id: 'Id of the resource.' },
  query: z.object({}),
  reply: resourceSchema,
  async answer({ reader, scope, signal }, _, { resource_id: id = '' }) {
    for await (const one of reader.resources({ scope, resources: [id], limit: 1 }, signal))
      return jsonText(resourceText(one));
    throw new Problem('not-found', 'no sample of such a resource is recorded');
  },
});

export const listMeters = route({
  path: '/v3/meters',
  operationId: 'listMeters',
  summary: 'Meters',
  description: 'Meters by name, type and unit, with how many resources and samples have them.',
  query: z.object(filterShape),
  reply: metersSchema,
  row: meterSchema,
  columns: '`name`, `type`, `unit`, `resources`, `samples`',
  async answer({ reader, scope, signal, format }, query) {
    const meters = await reader.meters(filterOf(query, scope), signal);
    if (format === 'json') return json({ meters });
    return inRows(format, {
      items: meters,
      head: ['name', 'type', 'unit', 'resources', 'samples'],
      csv: ({ name, type, unit, resources, samples }) =>
        csvLine([name, type, unit, String(resources), String(samples)]),
      json: (meter) => JSON.stringify(meter),
    });
  },
});

const projectColumns = ['project_id', 'resources', 'first_timestamp', 'last_timestamp'] as const;

export const listProjects = route({
  path: '/v3/projects',
  operationId: 'listProjects',
  summary: 'Projects',
  description: 'Projects by id; null stands for samples without a project.',
  query: z.object(filterShape),
  reply: projectsSchema,
  row: projectSchema,
  columns: `\`${projectColumns.join('`, `')}\``,
  async answer({ reader, scope, signal, format }, query) {
    const projects = (await reader.projects(filterOf(query, scope), signal)).map(
      ({ projectId, resources, ...span }) => ({ project_id: projectId, resources, ...spanOf(span) }),
    );
    if (format === 'json') return json({ projects });
    return inRows(format, {
      items: projects,
      head: projectColumns,
      csv: (one) => csvLine(projectColumns.map((name) => (one[name] === null ? null : String(one[name])))),
      json: (one) => JSON.stringify(one),
    });
  },
});

function spanOf({ firstTimestamp, lastTimestamp }: Pick<ResourceSummary, 'firstTimestamp' | 'lastTimestamp'>) {
  return { first_timestamp: utcText(firstTimestamp), last_timestamp: utcText(lastTimestamp) };
}

function resourceLine(one: ResourceSummary): string {
  const { resourceId, projectId, userId, source, owners, meters } = one;
  const { first_timestamp: first, last_timestamp: last } = spanOf(one);
  return csvLine([resourceId, projectId, userId, source, first, last, `${owners.length}`, `${meters.length}`]);
}

/** Metadata as the text that was received. */
function resourceText(one: ResourceSummary): string {
  const { resourceId, projectId, userId, source, owners, meters, metadata } = one;
  const head = JSON.stringify({
    resource_id: resourceId,
    project_id: projectId,
    user_id: userId,
    source,
    ...spanOf(one),
    owners: owners.map((owner) => ({ project_id: owner.projectId, user_id: owner.userId, ...spanOf(owner) })),
    meters: meters.map(({ name, type, unit, source: from, ...span }) => ({
      name,
      type,
      unit,
      source: from,
      ...spanOf(span),
    })),
  });
  return `${head.slice(0, -1)},"metadata":${metadata.replaceAll(/[\n\r]/g, ' ')}}`;
}
