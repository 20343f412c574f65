import { readFile } from 'node:fs/promises';

import { NephoscopeError, parseTimestamp, formatTimestamp } from '@nephoscope/core';
import type { Figure, FigureSelection, Figures, PeriodSpec, StatisticsQuery } from '@nephoscope/statistics';

export interface ApiLocation {
  /** Where `nephoscope-api` is: `http://controller:8777`. */
  readonly api: string;
  /** The first line of this file is the token. */
  readonly tokenFile?: string;
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
  const url = requestOf(api, selection, query, zone);
  const token = tokenFile === undefined ? undefined : await tokenOf(tokenFile);
  const headers = { accept: 'application/json', ...(token === undefined ? {} : { 'x-auth-token': token }) };
  const reply = await told(url, () =>
    fetch(url, { headers, redirect: 'error', signal: AbortSignal.any([signal, AbortSignal.timeout(longest)]) }),
  );
  const text = await told(url, () => reply.text());
  if (reply.ok) return figuresOf(url, text);
  throw new NephoscopeError('API_REFUSED', `${url.origin} refuses (${reply.status}): ${detailOf(text)}`);
}

function requestOf(api: string, selection: FigureSelection, query: StatisticsQuery, zone: string): URL {
  let url: URL;
  try {
    url = new URL(api);
  } catch {
    throw new NephoscopeError('API_UNREACHABLE', `'${api}' is not a URL such as http://controller:8777`);
  }
  const { functions } = query;
  url.pathname = `${url.pathname.replace(/\/$/, '')}/v3/${functions === undefined ? 'usage' : 'statistics'}`;
  const add = (name: string, value: string | null | undefined) =>
    value === undefined || url.searchParams.append(name, value ?? '');
  add('start', formatTimestamp(query.start));
  add('end', formatTimestamp(query.end));
  add('zone', zone);
  for (const value of selection.projects ?? []) add('project', value);
  for (const value of selection.users ?? []) add('user', value);
  for (const value of selection.resources ?? []) add('resource', value);
  for (const value of selection.meters ?? []) add('meter', value);
  for (const value of selection.sources ?? []) add('source', value);
  for (const key of query.groupBy ?? []) if (!['meter', 'type', 'unit'].includes(key)) add('group_by', key);
  if (functions !== 'every') for (const name of functions ?? []) add('function', name);
  add('period', query.period && periodText(query.period));
  add('usual', query.usual === undefined ? undefined : durationText(query.usual));
  add('hold', query.hold === undefined ? undefined : durationText(query.hold));
  add('digits', query.rounding && String(query.rounding.digits));
  add('rounding', query.rounding?.mode);
  return url;
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

type TimesAsText<T> = Omit<T, 'start' | 'end'> & { readonly start: string; readonly end: string };
type FigureReply = TimesAsText<Omit<Figure, 'coverage'>> & {
  readonly coverage: Omit<Figure['coverage'], 'gaps'> & {
    readonly gaps: readonly TimesAsText<Figure['coverage']['gaps'][number]>[];
  };
};

function figuresOf(url: URL, text: string): Figures {
  try {
    const { figures, totals } = JSON.parse(text) as Record<'figures' | 'totals', readonly FigureReply[]>;
    return { figures: figures.map(withTimes), totals: totals.map(withTimes) };
  } catch (error) {
    throw new NephoscopeError('API_UNREACHABLE', `what ${url.origin} replied are no figures`, { cause: error });
  }
}

function withTimes(figure: FigureReply): Figure {
  const times = <T extends { readonly start: string; readonly end: string }>(one: T) => ({
    ...one,
    start: parseTimestamp(one.start),
    end: parseTimestamp(one.end),
  });
  const { coverage } = figure;
  return { ...times(figure), coverage: { ...coverage, gaps: coverage.gaps.map(times) } };
}

/** What a problem document says, and otherwise the beginning of the reply. */
function detailOf(text: string): string {
  try {
    const { title, detail } = JSON.parse(text) as { readonly title?: unknown; readonly detail?: unknown };
    if (typeof detail === 'string') return detail;
    if (typeof title === 'string') return title;
  } catch {
    // Not JSON: another server answers.
  }
  return text.slice(0, 200);
}

async function told<T>(url: URL, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new NephoscopeError('API_UNREACHABLE', `${url.origin} does not answer`, { cause: error });
  }
}
