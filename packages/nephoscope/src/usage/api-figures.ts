import { readFile } from 'node:fs/promises';

import { createClient } from '@nephoscope/api-client';
import type { components } from '@nephoscope/api-client';
import { NephoscopeError, formatTimestamp, parseTimestamp } from '@nephoscope/core';
import type { Figure, FigureSelection, Figures, PeriodSpec, StatisticsQuery } from '@nephoscope/statistics';

export interface ApiLocation {
  /** Where `nephoscope-api` is: `http://controller:8777`. */
  readonly api: string;
  /** The first line of this file is the token. */
  readonly tokenFile?: string | undefined;
}

const longest = 300_000;

/**
 * Figures that `nephoscope-api` computes, of what the token may see. They are the same as those of the store.
 *
 * @throws API_REFUSED with what the API says, API_UNREACHABLE
 */
export async function figuresOfApi(
  { api, tokenFile }: ApiLocation,
  selection: FigureSelection,
  query: StatisticsQuery,
  zone: string,
  signal: AbortSignal,
): Promise<Figures> {
  const token = tokenFile === undefined ? undefined : await tokenOf(tokenFile);
  const client = createClient({ baseUrl: api.replace(/\/$/, ''), token });
  const { functions } = query;
  const asked = parametersOf(selection, query, zone);
  const ended = { signal: AbortSignal.any([signal, AbortSignal.timeout(longest)]), redirect: 'error' } as const;
  const reply = await told(api, () =>
    functions === undefined
      ? client.GET('/v3/usage', { params: { query: asked }, ...ended })
      : client.GET('/v3/statistics', {
          params: { query: { ...asked, ...(functions === 'every' ? {} : { function: [...functions] }) } },
          ...ended,
        }),
  );
  if (reply.data === undefined)
    throw new NephoscopeError(
      'API_REFUSED',
      `${api} refuses (${reply.response.status}): ${detailOf(reply.error)}`,
    );
  const { figures, totals } = reply.data;
  return told(api, () => Promise.resolve({ figures: figures.map(figureOf), totals: totals.map(figureOf) }));
}

function parametersOf(selection: FigureSelection, query: StatisticsQuery, zone: string) {
  const { period, usual, hold, rounding, groupBy = [] } = query;
  // The source stays: where it stands among the groups decides the order of figures.
  const groups = groupBy.filter((key) => !['meter', 'type', 'unit'].includes(key));
  const list = (values: readonly (string | null)[] | undefined) => values?.map((value) => value ?? '') ?? [];
  return {
    ...{ start: formatTimestamp(query.start), end: formatTimestamp(query.end), zone },
    ...{ project: list(selection.projects), user: list(selection.users), resource: list(selection.resources) },
    ...{ meter: list(selection.meters), source: list(selection.sources), group_by: groups },
    ...(period && { period: periodText(period) }),
    ...(usual !== undefined && { usual: durationText(usual) }),
    ...(hold !== undefined && { hold: durationText(hold) }),
    ...(rounding && { digits: rounding.digits, rounding: rounding.mode }),
  };
}

const periodText = (period: PeriodSpec) => ('calendar' in period ? period.calendar : durationText(period.length));

/** Lengths on the command line are whole seconds. */
const durationText = (ns: bigint) => `PT${ns / 1_000_000_000n}S`;

async function tokenOf(path: string): Promise<string> {
  try {
    const [token = ''] = (await readFile(path, 'utf8')).split('\n');
    return token.trim();
  } catch (error) {
    throw new NephoscopeError('API_REFUSED', `the token in ${path} cannot be read`, { cause: error });
  }
}

function figureOf(figure: components['schemas']['Figure']): Figure {
  const times = <T extends { readonly start: string; readonly end: string }>(one: T) => ({
    ...one,
    start: parseTimestamp(one.start),
    end: parseTimestamp(one.end),
  });
  const { coverage } = figure;
  // The types of the document are wider: functions and reasons of gaps are texts there.
  return { ...times(figure), coverage: { ...coverage, gaps: coverage.gaps.map(times) } } as Figure;
}

/** What a problem document says; another server may answer, in any form. */
function detailOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'detail' in error) return String(error.detail);
  return typeof error === 'string' ? error.slice(0, 200) : 'the reply does not say why';
}

async function told<T>(api: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new NephoscopeError('API_UNREACHABLE', `${api} does not answer as nephoscope-api does`, {
      cause: error,
    });
  }
}
