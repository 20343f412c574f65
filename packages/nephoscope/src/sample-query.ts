import { NephoscopeError, formatTimestamp, parseTimestamp } from '@nephoscope/core';
import type { SampleFilter } from '@nephoscope/core/sample-store';
import { isStorableTime } from '@nephoscope/message';
import { systemClock } from '@nephoscope/runtime';
import { fromWallClock } from '@nephoscope/statistics';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';

import { configOption } from './configuration.js';

/** The options of the commands that read the store. */
export interface QueryOptions {
  readonly config?: string;
  readonly store?: string;
  readonly meter?: string;
  readonly resource?: string;
  readonly project?: string;
  readonly source?: string;
  readonly start?: bigint;
  readonly end?: bigint;
  readonly limit?: number;
}

export function withQueryOptions(command: Command, limited: string): Command {
  return command
    .option(...configOption)
    .option('--store <url>', 'read this database instead, such as sqlite:/var/lib/nephoscope/samples.db')
    .option('--meter <name>', 'only this meter')
    .option('--resource <id>', 'only this resource: an instance, or a disk or network card of one')
    .option('--project <id>', 'only this project')
    .option('--source <name>', 'only samples of this source')
    .option('--start <time>', "from this time on: 2026-11-22T21:00:00Z, or '2h' for two hours ago", momentOption)
    .option('--end <time>', 'before this time', momentOption)
    .option('--limit <n>', limited, countOption);
}

/** @throws RANGE_INVALID */
export function filterOf({ meter, resource, project, source, start, end }: QueryOptions): SampleFilter {
  const only = (value: string | undefined) => (value === undefined ? undefined : [value]);
  const names = { meters: only(meter), resources: only(resource), projects: only(project), sources: only(source) };
  return { scope: 'all', ...names, ...rangeOf({ start, end }) };
}

/** @throws RANGE_INVALID for a range that ends before it starts, in which nothing can be */
export function rangeOf({ start, end }: Pick<SampleFilter, 'start' | 'end'>): Pick<SampleFilter, 'start' | 'end'> {
  if (start !== undefined && end !== undefined && start >= end)
    throw new NephoscopeError(
      'RANGE_INVALID',
      `a range ends after it starts; this one is from ${formatTimestamp(start)} to ${formatTimestamp(end)}`,
    );
  return { start, end };
}

const nanoseconds: Readonly<Record<string, bigint>> = {
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
};

/** A day, perhaps with a time of at least minutes, perhaps with its offset from UTC. */
const written = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2}(?:[.,]\d+)?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/;

/**
 * A moment as an operator writes it, in ns since 1970 UTC: an ISO 8601 time or day (of the zone unless it has an offset
 * from UTC), or how long it is ago (`30s`, `10m`, `2h`, `7d`).
 *
 * @throws TIMESTAMP_INVALID, ZONE_UNKNOWN
 */
export function parseMoment(text: string, now: bigint, zone = 'UTC'): bigint {
  const [, amount, unit = ''] = /^(\d{1,9}) ?([smhd])(?: ago)?$/.exec(text) ?? [];
  if (amount !== undefined) return now - BigInt(amount) * (nanoseconds[unit] ?? 0n);
  const [, day, time = '00:00', seconds = ':00', offset] = written.exec(text) ?? [];
  if (day === undefined) return parseTimestamp(text);
  const moment = parseTimestamp(`${day}T${time}${seconds}${offset ?? ''}`);
  return offset === undefined && zone !== 'UTC' ? fromWallClock(moment, zone) : moment;
}

export function momentOption(text: string): bigint {
  let moment: bigint;
  try {
    moment = parseMoment(text, systemClock.now());
  } catch {
    throw new InvalidArgumentError(
      "Write a time as 2026-11-22T21:00:00Z, a day as 2026-11-22, or '2h' for two hours ago.",
    );
  }
  if (isStorableTime(moment)) return moment;
  throw new InvalidArgumentError('Times are kept from 1678 to 2262.');
}

/** An option that may be given several times. */
export function listOption(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** A length of time (`30s`, `20m`, `2h`, `1d`) in ns; undefined for anything else. */
export function parseLength(text: string): bigint | undefined {
  const [, amount, unit = ''] = /^(\d{1,9}) ?([smhd])$/.exec(text) ?? [];
  const length = BigInt(amount ?? 0) * (nanoseconds[unit] ?? 0n);
  return length === 0n ? undefined : length;
}

export function lengthOption(text: string): bigint {
  const length = parseLength(text);
  if (length === undefined)
    throw new InvalidArgumentError("Write a length of time as '30s', '20m', '2h' or '1d'.");
  return length;
}

export function countOption(text: string): number {
  const count = Number(text);
  if (!/^\d{1,9}$/.test(text) || count === 0) throw new InvalidArgumentError('Write a whole number from 1 on.');
  return count;
}
