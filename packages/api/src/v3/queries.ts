import type { FigureSelection } from '@nephoscope/statistics';
import type { SampleFilter, Scope } from '@nephoscope/core/sample-store';
import { z } from 'zod';

import { readAll } from './parameters.js';
import { instantOf } from './times.js';
import { condition } from './where.js';

// Parameters that several routes have.

const texts = (what: string) =>
  z.array(z.string().max(10_000)).max(1_000).optional().describe(`${what} May be repeated: one of them.`);

const owners = (what: string) => texts(`${what} Without a value: samples that have none.`);

/** What is asked for, whatever the time. */
export const selectionShape = {
  project: owners('Id of a project.'),
  user: owners('Id of a user.'),
  resource: texts('Id of a resource.'),
  meter: texts('Name of a meter.'),
  source: texts('Name of a source.'),
};

const moment =
  'a time with an offset from UTC (`2026-10-01T00:00:00Z`), or a day, month or year (`2026-10-01`), which begins in `zone`.';

export const zoneShape = {
  zone: z.string().min(1).max(100).default('UTC').describe('Time zone, such as `Europe/Berlin`.'),
};

export const timesShape = {
  start: z.string().max(100).optional().describe(`From then on: ${moment}`),
  end: z.string().max(100).optional().describe(`Before then: ${moment}`),
  ...zoneShape,
};

export const whereShape = {
  where: z
    .array(condition)
    .max(100)
    .optional()
    .describe(
      'A condition on metadata: a key, one of `= != < <= > >=`, and a value, such as `flavor.name=m1.small`. Numbers, `true` and `false` are compared as such, unless they are in double quotes. May be repeated: all of them.',
    ),
};

export const pageShape = {
  limit: z.coerce
    .number({ error: 'it is a whole number of 1 to 1000' })
    .int({ error: 'it is a whole number of 1 to 1000' })
    .min(1, 'it is a whole number of 1 to 1000')
    .max(1_000, 'a page has 1000 items at most: follow `next`, or ask for all as text/csv or application/x-ndjson')
    .optional()
    .describe(
      'Items of a page, at most 1000. Without it, JSON has pages of 100, and CSV and NDJSON have everything.',
    ),
  cursor: z.string().max(10_000).optional().describe('`next` of the page before, of the same query.'),
};

interface Selection {
  readonly project?: readonly string[] | undefined;
  readonly user?: readonly string[] | undefined;
  readonly resource?: readonly string[] | undefined;
  readonly meter?: readonly string[] | undefined;
  readonly source?: readonly string[] | undefined;
}

export function selectionOf(selection: Selection, scope: Scope): FigureSelection {
  const { project, user, resource, meter, source } = selection;
  const orNone = (values: readonly string[] | undefined) => values?.map((value) => (value === '' ? null : value));
  return {
    scope,
    projects: orNone(project),
    users: orNone(user),
    resources: resource,
    meters: meter,
    sources: source,
  };
}

interface Times {
  readonly start?: string | undefined;
  readonly end?: string | undefined;
  readonly zone: string;
}

export function filterOf(
  query: Selection & Times & { readonly where?: SampleFilter['metadata'] },
  scope: Scope,
): SampleFilter {
  const { start, end, zone, where } = query;
  return {
    ...selectionOf(query, scope),
    metadata: where,
    ...readAll({
      start: () => (start === undefined ? undefined : instantOf('start', start, zone)),
      end: () => (end === undefined ? undefined : instantOf('end', end, zone)),
    }),
  };
}
