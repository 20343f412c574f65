import { isNephoscopeError } from '@nephoscope/core';
import type { Sample, SampleReader, SampleStore } from '@nephoscope/core/sample-store';
import { Statistics, metadataValue, readFigures } from '@nephoscope/statistics';
import type { FigureSelection, Figures, StatisticsQuery } from '@nephoscope/statistics';
import { exampleSample } from '@nephoscope/testing';
import fc from 'fast-check';

/** `NEPHOSCOPE_HISTORIES=10000` asks for more than `npm test` has time for. */
export const histories = Number(process.env['NEPHOSCOPE_HISTORIES'] ?? 20);

export const never: AbortSignal = new AbortController().signal;
const second = 1_000_000_000n;
export const hour = 3_600n * second;
/** A day (UTC) begins 12 hours later. */
export const start = (1_790_000_000n / 86_400n) * 86_400n * second + 12n * hour;

export interface RollupStore {
  readonly store: SampleStore;
  readonly reader: SampleReader;
  /** Removes all samples and rollups. */
  reset(): Promise<void>;
  /** Loses a day of the resource `db`. */
  damage(): Promise<void>;
  /** One more store of the same database, started. */
  another(): Promise<SampleStore>;
}

interface Step {
  /** Rolls up, as if it were so many minutes after the beginning. */
  readonly rollUntil: number;
  readonly samples: readonly Sample[];
}

const types = ['cumulative', 'gauge', 'delta'] as const;

/** Batches of samples of two days and a half: restarts, two owners, flavors, outages; any order, some twice; rolled up in between. */
export const randomSteps: fc.Arbitrary<readonly Step[]> = fc
  .array(
    fc.record({
      rollUntil: fc.constantFrom(0, 60, 120, 720, 780, 840, 2_460, 3_600),
      readings: fc.array(
        fc.record({
          series: fc.constantFrom(...types.flatMap((type) => [`${type}-a`, `${type}-b`])),
          // Few hours, on both sides of a day's beginning and of a gap, so that each has several readings.
          hour: fc.constantFrom(0, 1, 11, 12, 13, 40),
          minute: fc.nat(59),
          projectId: fc.constantFrom('p', 'q', null),
          userId: fc.constantFrom('u', null),
          epoch: fc.constantFrom('run-1', 'run-2', 'run-3'),
          volume: fc.oneof(
            fc.bigInt({ min: 0n, max: 10n ** 30n }).map(String),
            fc.nat(999).map((thousandths) => `${thousandths}e-30`),
            fc.nat(99).map(String),
          ),
          flavor: fc.constantFrom('"small"', '12345678901234567890', 'null'),
          source: fc.constantFrom('openstack', 'p:openstack'),
          twice: fc.boolean(),
        }),
        { maxLength: 40 },
      ),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((steps) =>
    steps.map(({ rollUntil, readings }) => ({
      rollUntil,
      samples: readings.flatMap(({ series, hour: hours, minute, epoch, flavor, twice, ...fields }) => {
        const [type = ''] = series.split('-');
        const sample = exampleSample({
          ...{
            ...fields,
            type,
            meter: type,
            resourceId: series,
            unit: 'B',
            timestamp: time(hours * 60 + minute),
          },
          ...{ epoch: type === 'cumulative' ? epoch : null, metadata: `{"flavor": {"name": ${flavor}}}` },
        });
        return twice ? [sample, sample] : [sample];
      }),
    })),
  );

export const randomQuery: fc.Arbitrary<{ query: StatisticsQuery; selection: FigureSelection }> = fc
  .record({
    from: fc.constantFrom(0, 30, 60, 90, 661, 719, 720, 721, 750, 2_400),
    minutes: fc.integer({ min: 1, max: 2_400 }),
    isWhole: fc.boolean(),
    meter: fc.constantFrom(...types),
    period: fc.constantFrom(
      undefined,
      { length: 7_000n * second },
      ...['UTC', 'Europe/Berlin', 'Asia/Kathmandu'].flatMap((zone) =>
        (['hour', 'day'] as const).map((calendar) => ({ calendar, zone })),
      ),
    ),
    groupBy: fc
      .subarray(['project', 'user', 'resource', 'metadata.flavor.name'] as const)
      .map((keys) => [...keys, 'source' as const]),
    usual: fc.constantFrom(undefined, 600n * second, 7_200n * second),
    hold: fc.constantFrom(undefined, 1_000n * second, 90_000n * second),
    selection: fc.constantFrom(
      { scope: 'all' as const },
      { scope: { project: 'p' } },
      { scope: 'all' as const, projects: ['q', null] },
      { scope: 'all' as const, users: ['u'] },
    ),
  })
  .map(({ from, minutes, isWhole, meter, period, groupBy, usual, hold, selection }) => {
    const at = (minute: number) => start + BigInt(isWhole ? minute - (minute % 60) : minute) * 60n * second;
    const functions = {
      cumulative: ['use', 'count'] as const,
      delta: ['sum', 'count'] as const,
      gauge: ['amount', 'average', 'min', 'max', 'p50', 'count'] as const,
    }[meter];
    return {
      query: { start: at(from), end: at(from + minutes + 60), period, groupBy, usual, hold, functions },
      selection: { ...selection, meters: [meter] },
    };
  });

/** From all samples, in order. */
export function expectedFigures(
  samples: readonly Sample[],
  query: StatisticsQuery,
  { scope, projects, users, meters }: FigureSelection,
): Figures {
  const of = ({ projectId, userId }: Sample) =>
    (scope === 'all' || projectId === scope.project) &&
    projects?.includes(projectId) !== false &&
    users?.includes(userId) !== false;
  const statistics = new Statistics({ ...query, metadata: metadataValue, of });
  const unique = [...new Map(samples.map((sample) => [sample.messageId, sample])).values()];
  unique.sort((one, other) => Number(one.timestamp - other.timestamp));
  for (const sample of unique) if (meters?.includes(sample.meter) !== false) statistics.add(sample);
  return statistics.finish();
}

export const time = (minute: number) => start + BigInt(minute) * 60n * second;

/** Until nothing is left to do. */
export async function rollUp({ store }: Pick<RollupStore, 'store'>, until: bigint): Promise<void> {
  for (let turns = 0; turns < 1_000; turns += 1) {
    const turn = await store.rollups?.turn(until, never);
    if (turn?.isMore !== true) return;
  }
  throw new Error('rolling up does not come to an end');
}

/** Those of {@link RollupStore.store}, on each database. */
export function rollupTests(open: () => RollupStore): void {
  it(
    'figures are the same with and without rollups, whenever samples were recorded and rolled up',
    async () => {
      const { store, reader, reset } = open();
      await fc.assert(
        fc.asyncProperty(
          randomSteps,
          fc.array(randomQuery, { minLength: 3, maxLength: 3 }),
          async (steps, queries) => {
            await reset();
            const recorded: Sample[] = [];
            const check = async () => {
              for (const { query, selection } of queries)
                expect(await readFigures(reader, selection, query, never)).toEqual(
                  expectedFigures(recorded, query, selection),
                );
            };
            for (const { samples, rollUntil } of steps) {
              await store.record(samples);
              recorded.push(...samples);
              // Late samples are in hours that are marked, and not yet rolled up again.
              await check();
              await store.rollups?.turn(time(rollUntil), never);
              await check();
            }
            await rollUp({ store }, time(3_600));
            await check();
          },
        ),
        { numRuns: histories },
      );
    },
    60_000 + histories * 2_000,
  );

  it.each([
    { usual: undefined, minutes: 40, bridged: '2400' },
    { usual: 7_200n * second, minutes: 40, bridged: '0' },
    { usual: undefined, minutes: 15, bridged: '0' },
    { usual: 600n * second, minutes: 15, bridged: '900' },
  ])('what is bridged follows the query: %j', async ({ usual, minutes, bridged }) => {
    const { store, reader, reset } = open();
    await reset();
    const of = { meter: 'cpu', resourceId: 'web', epoch: 'run' };
    const samples = [0, minutes, 3_000].map((minute) => exampleSample({ ...of, timestamp: time(minute) }));
    await store.record(samples);
    await rollUp({ store }, time(3_000));
    const query = { start: time(0), end: time(minutes), usual };
    for (const end of [time(minutes), time(60)]) {
      const figures = await readFigures(reader, { scope: 'all' }, { ...query, end }, never);
      expect(figures).toEqual(expectedFigures(samples, { ...query, end }, { scope: 'all' }));
      if (end === query.end) expect(figures.totals[0]?.coverage.bridged).toBe(bridged);
    }
  });

  it('a query is told its size before anything is read, and can be refused', async () => {
    const { store, reader, reset } = open();
    await reset();
    const of = { epoch: 'run', meter: 'cpu' };
    const samples = ['p', 'p', 'q'].flatMap((projectId, at) =>
      [0, 100, 3_000].map((minute) =>
        exampleSample({ ...of, projectId, resourceId: `size-${at}`, timestamp: time(minute) }),
      ),
    );
    samples.push(
      ...[0, 100, 3_000].map((minute) =>
        exampleSample({ ...of, projectId: 'q', source: 'q:b', resourceId: 'size-2', timestamp: time(minute) }),
      ),
    );
    await store.record(samples);
    for (const until of [0, 3_000]) {
      await rollUp({ store }, time(until));
      for (const [selection, expected] of [
        // One meter of two sources.
        [{ scope: 'all' }, { series: 4, meters: 2, projects: 2 }],
        [
          { scope: 'all', sources: ['openstack'] },
          { series: 3, meters: 1, projects: 2 },
        ],
        [{ scope: { project: 'p' } }, { series: 2, meters: 1, projects: 1 }],
        [
          { scope: 'all', projects: ['q'] },
          { series: 2, meters: 2, projects: 1 },
        ],
      ] as const) {
        const which = { ...selection, resources: ['size-0', 'size-1', 'size-2'] };
        const read = readFigures(reader, which, { start: time(0), end: time(60) }, never, undefined, (found) => {
          expect(found).toEqual(expected);
          throw new Error('too large');
        });
        await expect(read).rejects.toThrow('too large');
      }
    }
  });

  it('what is rolled up stays when its samples are removed, and only whole hours can be asked for then', async () => {
    const { store, reader, reset } = open();
    await reset();
    // So long that the rows that only removed samples share go, too.
    const weeks = 63 * 1_440;
    const of = { epoch: 'run', unit: 'ns', meter: 'cpu', resourceId: 'web' };
    const samples = Array.from({ length: 300 }, (_, at) =>
      exampleSample({
        ...{
          timestamp: time(at * 12),
          volume: `${at * 7}`,
          epoch: 'run',
          unit: 'ns',
          meter: 'cpu',
          resourceId: 'web',
        },
        metadata: `{"flavor": {"name": "${at < 100 ? 'small' : 'large'}"}}`,
      }),
    );
    // PostgreSQL removes whole weeks.
    const later = exampleSample({ ...of, timestamp: time(weeks), volume: '9000' });
    const all = [...samples, later];
    await store.record(all);
    // Nothing is removed that is not rolled up, once rolling up has begun.
    await store.rollups?.turn(time(0) + hour, never);
    const first = await store.removeBefore(time(weeks));
    expect(first).toBeLessThanOrEqual(5);
    await rollUp({ store }, time(weeks));
    const query: StatisticsQuery = {
      ...{ start: time(720), end: time(3_000), period: { calendar: 'day', zone: 'Europe/Berlin' } },
      groupBy: ['metadata.flavor.name'],
    };
    const expected = expectedFigures(all, query, { scope: 'all' });
    expect(await readFigures(reader, { scope: 'all' }, query, never)).toEqual(expected);
    expect(first + (await store.removeBefore(time(weeks)))).toBe(300);
    expect(await readFigures(reader, { scope: 'all' }, query, never)).toEqual(expected);
    const cut = { ...query, period: { calendar: 'day' as const, zone: 'Asia/Kathmandu' } };
    const refused = readFigures(reader, { scope: 'all' }, { ...cut, usual: second }, never);
    await expect(refused).rejects.toMatchObject({ code: 'SAMPLES_REMOVED' });
  });

  const checked = async ({ store }: RollupStore) => {
    const results = [];
    for await (const { checked: count, different } of store.rollups?.check(never) ?? [])
      results.push({ count, different: different.map(({ resourceId }) => resourceId) });
    return results;
  };

  it('a check finds what differs from its samples, and a rebuild mends it', async () => {
    const opened = open();
    const { store, reader, reset, damage } = opened;
    await reset();
    const of = { epoch: 'run', meter: 'cpu' };
    const samples = ['web', 'db'].flatMap((resourceId) =>
      Array.from({ length: 100 }, (_, at) =>
        exampleSample({ ...of, resourceId, timestamp: time(at * 60), volume: `${at * 7}` }),
      ),
    );
    await store.record(samples);
    await rollUp(opened, time(5_940));
    // Days begin 12 hours later: 12 hours, 24, 24, 24; and the rest of the last day, which is not over.
    const good = { count: 2, different: [] };
    expect(await checked(opened)).toEqual([good, good, good, good]);
    await damage();
    const query = { start: time(0), end: time(5_000) };
    const expected = expectedFigures(samples, query, { scope: 'all' });
    expect(await readFigures(reader, { scope: 'all' }, query, never)).not.toEqual(expected);
    expect(await checked(opened)).toContainEqual({ count: 2, different: ['db'] });
    await store.rollups?.rebuild(never);
    expect(await readFigures(reader, { scope: 'all' }, query, never)).toEqual(expected);
    await rollUp(opened, time(5_940));
    expect(await checked(opened)).toEqual([good, good, good, good]);
    expect(await readFigures(reader, { scope: 'all' }, query, never)).toEqual(expected);
  });

  it.each(types)(
    'a %s volume that earlier versions recorded fails its own figures alone, rolled up or not',
    async (type) => {
      const opened = open();
      const { store, reader, reset } = opened;
      await reset();
      const of = { type, meter: type, epoch: 'run' };
      const good = [0, 30, 60, 90, 3_000].map((minute) =>
        exampleSample({ ...of, resourceId: 'good', timestamp: time(minute), volume: '-0' }),
      );
      const bad = exampleSample({ ...of, resourceId: 'bad', timestamp: time(70), volume: '1e100000' });
      await store.record([...good, bad, exampleSample({ ...of, resourceId: 'bad', timestamp: time(3_000) })]);
      for (const until of [0, 3_000]) {
        await rollUp(opened, time(until));
        const query = { start: time(0), end: time(120) };
        const figures = (resources?: readonly string[]) =>
          readFigures(reader, { scope: 'all', resources }, query, never);
        expect(await figures(['good'])).toEqual(expectedFigures(good, query, { scope: 'all' }));
        for (const asked of [undefined, ['bad']])
          await expect(figures(asked)).rejects.toMatchObject({
            code: 'VOLUME_INVALID',
            message: expect.stringContaining(bad.messageId),
          });
      }
    },
  );

  it('two that roll up at once do not take the other one’s work apart', async () => {
    const opened = open();
    const { store, reader, reset, another } = opened;
    await reset();
    const other = await another();
    try {
      const samples: Sample[] = [];
      for (let round = 0; round < 20; round += 1) {
        const some = Array.from({ length: 20 }, (_, at) =>
          exampleSample({
            epoch: 'run',
            resourceId: `r${at}`,
            timestamp: time((round * 97 + at * 31) % 1_440),
            volume: `${round}`,
          }),
        );
        samples.push(...some);
        const turn = (one: SampleStore) =>
          one.rollups?.turn(time(1_440), never).catch((error: unknown) => {
            if (!isNephoscopeError(error, 'STORE_BUSY')) throw error;
          });
        await Promise.all([store.record(some), turn(store), turn(other)]);
      }
      const newest = exampleSample({ epoch: 'run', resourceId: 'r0', timestamp: time(3_000), volume: '99' });
      await store.record([newest]);
      await rollUp(opened, time(3_000));
      const query = { start: time(0), end: time(2_000), groupBy: ['resource' as const] };
      expect(await readFigures(reader, { scope: 'all' }, query, never)).toEqual(
        expectedFigures([...samples, newest], query, { scope: 'all' }),
      );
      expect((await checked(opened)).flatMap(({ different }) => different)).toEqual([]);
    } finally {
      await other.stop();
    }
  });
}
