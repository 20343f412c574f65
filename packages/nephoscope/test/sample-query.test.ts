import { parseTimestamp } from '@nephoscope/core';
import { Command } from 'commander';

import { filterOf, parseMoment, withQueryOptions } from '../src/sample-query.js';
import type { QueryOptions } from '../src/sample-query.js';

const now = parseTimestamp('2026-11-22T21:00:00Z');

describe('parseMoment', () => {
  it.each([
    ['30s', '2026-11-22T20:59:30Z'],
    ['10m', '2026-11-22T20:50:00Z'],
    ['2h ago', '2026-11-22T19:00:00Z'],
    ['7 d', '2026-11-15T21:00:00Z'],
    ['2026-11-01', '2026-11-01T00:00:00Z'],
    ['2026-11-01T10:00', '2026-11-01T10:00:00Z'],
    ['2026-11-01T00:10Z', '2026-11-01T00:10:00Z'],
    ['2026-11-01 10:00+01:00', '2026-11-01T09:00:00Z'],
    ['2026-11-01T10:00:00.123456789+01:00', '2026-11-01T09:00:00.123456789Z'],
  ])('%s is %s', (text, moment) => {
    expect(parseMoment(text, now)).toBe(parseTimestamp(moment));
  });

  it.each(['', 'yesterday', '1w', '-1h', '2026-02-30', '2026-11-01T10', '2026-11-01T25:00', '1.5h'])(
    'refuses %p',
    (text) => {
      expect(() => parseMoment(text, now)).toThrow(expect.objectContaining({ code: 'TIMESTAMP_INVALID' }));
    },
  );
});

describe('the options of a query', () => {
  const parse = (...args: string[]) => {
    const command = withQueryOptions(new Command('samples'), 'at most')
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    return command.parse(args, { from: 'user' }).opts<QueryOptions>();
  };

  it('are converted to a filter', () => {
    const options = parse(
      '--meter',
      'cpu',
      '--resource',
      'r',
      '--project',
      'p',
      '--source',
      's',
      '--start',
      '2026-11-22T21:00:00Z',
      '--end',
      '2026-11-23',
      '--limit',
      '5',
    );
    expect(filterOf(options)).toEqual({
      scope: 'all',
      meters: ['cpu'],
      resources: ['r'],
      projects: ['p'],
      sources: ['s'],
      start: now,
      end: parseTimestamp('2026-11-23T00:00:00Z'),
    });
    expect(options.limit).toBe(5);
  });

  it('restrict nothing by default', () => {
    expect(filterOf(parse())).toEqual({ scope: 'all' });
  });

  it('refuse a range that ends before it starts', () => {
    expect(() => filterOf(parse('--start', '3d', '--end', '5d'))).toThrow(
      expect.objectContaining({ code: 'RANGE_INVALID' }),
    );
    expect(() => filterOf(parse('--start', '2026-11-22', '--end', '2026-11-22'))).toThrow('ends after it starts');
  });

  it.each([
    ['--limit', '0'],
    ['--limit', '1.5'],
    ['--limit', 'all'],
    ['--start', 'soon'],
    ['--start', '1500-01-01T00:00:00Z'],
    ['--end', '2300-01-01'],
    ['--meters', 'cpu'],
  ])('%s %s is a usage error', (...args) => {
    expect(() => parse(...args)).toThrow(expect.objectContaining({ exitCode: 1 }));
  });
});
