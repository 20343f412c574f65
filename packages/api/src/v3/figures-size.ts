import type { CalendarUnit, FiguresFound, StatisticsQuery } from '@nephoscope/statistics';

import { Problem } from './problem.js';

/** One takes about 1.5 KB until it is sent. */
const mostFigures = 200_000;

const hour = 3_600_000_000_000n;
const lengths: Readonly<Record<CalendarUnit, bigint>> = {
  hour,
  day: 24n * hour,
  week: 168n * hour,
  month: 730n * hour,
  year: 8_766n * hour,
};

/**
 * Refuses figures that are too many, before anything is read for them. Groups of metadata are not known then: they are taken to be one for
 * each series.
 *
 * @throws Problem `query-too-large` where the periods alone are too many
 */
export function admitted(query: StatisticsQuery): (found: FiguresFound) => void {
  const { functions = ['one'], groupBy = [] } = query;
  // `every` is five of a gauge, and fewer of others.
  const perGroup = functions === 'every' ? 5 : functions.length;
  const periods = periodsOf(query);
  // A meter of two sources is found as two.
  const bySeries = groupBy.some((key) => !['project', 'meter', 'source', 'type', 'unit'].includes(key));
  const refuse = (groups: number) => {
    const figures = periods * perGroup * groups;
    if (figures > mostFigures)
      throw new Problem(
        'query-too-large',
        `there would be about ${figures} figures: ${periods} periods, ${perGroup} functions and ${groups} groups; the most are ${mostFigures}. Ask for a shorter range, longer periods or fewer groups`,
        { size: figures, limit: mostFigures },
      );
  };
  refuse(1);
  return ({ series, meters, projects }) => {
    const groups = groupBy.includes('project') ? meters * projects : meters;
    refuse(bySeries ? series : Math.min(series, groups));
  };
}

/** About how many: nobody counts them one by one for a query that is refused. */
function periodsOf({ start, end, period }: StatisticsQuery): number {
  if (period === undefined || end <= start) return 1;
  const length = 'length' in period ? period.length : lengths[period.calendar];
  return Number((end - start - 1n) / length) + 1;
}
