import { isMissing } from '@nephoscope/core';
import type { Meter } from '@nephoscope/core';
import type { InstanceReading } from '@nephoscope/core/instance';
import { FakeClock, FakeInspector, instanceReading, RecordingLogger, shutOffReading } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { runCycle } from '../src/cycle.js';
import { Failures } from '../src/failures.js';
import { MissingFigures } from '../src/missing-figures.js';
import { InstanceMetadata } from '../src/instance-metadata.js';
import { createAgentMetrics } from '../src/metrics.js';
import { computeOptions } from '../src/options.js';
import { createPollGroups, idlePatterns } from '../src/poll-group.js';
import { ReadingOrder } from '../src/reading-order.js';
import type { ActivePollster } from '../src/poll-group.js';
import type { Taken } from '../src/poll-instance.js';
import { hang, metric, pollster, ticks } from './support.js';

const one = instanceReading({ instance: { id: 'one', name: 'one', displayName: 'one' } });
const two = instanceReading({ instance: { id: 'two', name: 'two', displayName: 'two' } });

/** The cycles of an agent, with one step of the inspector for each. */
async function cycles(
  pollsters: readonly ActivePollster[],
  steps: readonly (readonly InstanceReading[])[] = [[one, two]],
  options: object = {},
) {
  const logger = new RecordingLogger();
  const registry = new Registry();
  const metrics = createAgentMetrics(registry);
  const inspector = new FakeInspector(...steps);
  await inspector.start(new AbortController().signal);
  const groups = createPollGroups(
    computeOptions.parse(options),
    pollsters,
    () => new MissingFigures(metrics, logger),
    new InstanceMetadata('h'),
  );

  const clock = new FakeClock();
  const order = new ReadingOrder(clock);

  /** Runs one cycle of the groups with these names, or of all; `signal` ends it. */
  async function run(
    names?: readonly string[],
    signal = new AbortController().signal,
    onBatch: () => Promise<void> = () => Promise.resolve(),
  ) {
    const failures = new Failures(metrics, logger);
    const due = groups.filter(({ name }) => names === undefined || names.includes(name));
    const batches: (readonly Taken[])[] = [];
    for await (const batch of runCycle(
      due,
      { inspector, readingTime: 20_000, clock, logger, metrics, failures, order, onListed: () => undefined },
      signal,
    )) {
      batches.push([...batch]);
      await onBatch();
    }
    failures.log();
    const taken = batches.flatMap((batch) =>
      batch.flatMap(({ instance, counters }) => counters.map(({ name }) => `${instance.name} ${name}`)),
    );
    return { batches, taken, failed: failures.pollsters };
  }
  const told = (level: string) =>
    logger.entries.filter((entry) => entry.level === level).map(({ message }) => message);
  return { run, groups, inspector, registry, told };
}

const fine = pollster('fine', ['fine'], function* () {
  yield { meter: 'fine', volume: 1 };
});

it('accepts counters that arrive while the spool accepts earlier ones after a pollster was interrupted', async () => {
  let come: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (come = resolve));
  const late = pollster('late', ['late'], async () => {
    await gate;
    return [{ meter: 'late', volume: 1 }];
  });
  let isCut = false;
  const cut = pollster('cut', ['cut'], () => {
    isCut = true;
    return [];
  });
  const { run, groups } = await cycles([fine, late, cut]);
  // As if it had looped, without the seconds that interrupting it takes.
  groups[0]!.pollsters.find(({ name }) => name === 'cut')!.pause.isOn = () => isCut;
  const { batches, taken } = await run(undefined, undefined, async () => {
    come();
    await ticks(5);
  });
  expect(batches).toHaveLength(2);
  expect(taken.sort()).toEqual(['one fine', 'one late', 'two fine', 'two late']);
});

describe('a pollster that fails', () => {
  const broken = new Error('no such sensor');
  it.each([
    [
      'throws immediately',
      () => {
        throw broken;
      },
    ],
    [
      'throws while it yields',
      function* () {
        yield { meter: 'bad', volume: 1 };
        throw broken;
      },
    ],
    ['rejects', () => Promise.reject(broken)],
    [
      'throws while it yields asynchronously',
      async function* () {
        yield { meter: 'bad', volume: 1 };
        throw broken;
      },
    ],
    ['returns nothing', (() => undefined) as never],
    ['resolves with undefined', (() => Promise.resolve()) as never],
    ['yields values that are not counters', (() => [null]) as never],
    ['uses an undeclared meter', () => [{ meter: 'bad.other', volume: 1 }]],
    ['yields what only older plugins yield', (() => [{ name: 'bad', volume: 1 }]) as never],
    [
      'reports an undeclared meter as missing',
      () => [{ meter: 'bad.other', volume: { missing: 'error', detail: 'x' } as const }],
    ],
  ])('affects only itself when it %s', async (_, getCounters) => {
    const { run, registry, told } = await cycles([pollster('bad', ['bad'], getCounters), fine]);
    const { taken, failed } = await run();
    expect(taken.sort()).toEqual(['one fine', 'two fine']);
    expect(failed).toEqual(['bad']);
    expect(await metric(registry, 'nephoscope_plugin_failures_total', { plugin: 'bad' })).toBe(2);
    expect(await metric(registry, 'nephoscope_plugin_samples_total', { plugin: 'fine' })).toBe(2);
    expect(told('error')).toEqual([
      expect.stringMatching(/^the pollster 'bad' failed, counters of one, two are missing: ./),
    ]);
  });

  it('affects only the instance for which it fails', async () => {
    const picky = pollster('picky', ['picky'], ({ instance }) => {
      if (instance.id === 'one') throw broken;
      return [{ meter: 'picky', volume: 1 }];
    });
    const { run, registry, told } = await cycles([picky]);
    expect((await run()).taken).toEqual(['two picky']);
    expect(await metric(registry, 'nephoscope_plugin_failures_total', { plugin: 'picky' })).toBe(1);
    expect(told('error')).toEqual(["the pollster 'picky' failed, counters of one are missing: no such sensor"]);
  });

  it('is logged in one line, however many instances there are', async () => {
    const readings = Array.from({ length: 25 }, (_, index) =>
      instanceReading({ instance: { id: `${index}`, name: `vm${index}` } }),
    );
    const { run, told } = await cycles(
      [
        pollster('bad', ['bad'], () => {
          throw broken;
        }),
      ],
      [readings],
    );
    await run();
    expect(told('error')).toEqual([expect.stringContaining('vm8, vm9 and 15 others are missing: no such sensor')]);
  });
});

describe('a slow pollster', () => {
  const later = (wait: (id: string) => Promise<unknown>, onCall: (id: string) => void = () => undefined) =>
    pollster('later', ['later'], async ({ instance: { id } }) => {
      onCall(id);
      await wait(id);
      return [{ meter: 'later', volume: 1 }];
    });

  it('delays no other, and counters that arrive together are one batch', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const { run } = await cycles([later(() => held), fine]);
    const running = run();
    await ticks();
    release();
    const { batches } = await running;
    expect(batches.map((batch) => batch.map((taken) => `${taken.instance.name} ${taken.pollster}`))).toEqual([
      ['one fine', 'two fine'],
      ['one later', 'two later'],
    ]);
  });

  it('is cancelled when the cycle ends, and the counters of others are kept', async () => {
    const { run, registry, told } = await cycles([later((id) => (id === 'one' ? hang() : Promise.resolve()))]);
    const cycle = new AbortController();
    const running = run(undefined, cycle.signal);
    await ticks();
    cycle.abort(new Error('not done within 30 s'));
    const { taken, failed } = await running;
    expect(taken).toEqual(['two later']);
    expect(failed).toEqual(['later']);
    expect(await metric(registry, 'nephoscope_plugin_failures_total')).toBe(1);
    expect(told('error')).toEqual([
      expect.stringContaining('it had not finished when the cycle ended: not done within 30 s'),
    ]);
  });

  it('is not called again for an instance until its earlier call has returned', async () => {
    const calls: string[] = [];
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const { run, told } = await cycles([
      later(
        (id) => (id === 'one' ? held : Promise.resolve()),
        (id) => calls.push(id),
      ),
    ]);
    const cycle = new AbortController();
    const running = run(undefined, cycle.signal);
    await ticks();
    cycle.abort();
    await running;
    expect((await run()).taken).toEqual(['two later']);
    expect(calls).toEqual(['one', 'two', 'two']);
    expect(told('error')[1]).toContain('has not returned from an earlier cycle');
    release();
    await ticks();
    expect((await run()).taken.sort()).toEqual(['one later', 'two later']);
  });

  it('is ended with the cycle if it yields without end', async () => {
    let yielded = 0;
    let returned = false;
    const endless = pollster('endless', ['endless'], async function* () {
      try {
        for (;;) {
          await new Promise((resolve) => setImmediate(resolve));
          yielded += 1;
          yield { meter: 'endless', volume: yielded };
        }
      } finally {
        returned = true;
      }
    });
    const { run } = await cycles([endless], [[one]]);
    const cycle = new AbortController();
    const running = run(undefined, cycle.signal);
    await ticks();
    cycle.abort();
    expect((await running).taken).toEqual([]);
    await ticks();
    const soFar = yielded;
    await ticks(20);
    expect({ returned, more: yielded - soFar }).toEqual({ returned: true, more: 0 });
  });
});

it('fails as a whole if the inspector fails, or has not finished when the cycle ends', async () => {
  const { run, inspector } = await cycles([fine]);
  inspector.inspect = hang;
  const cycle = new AbortController();
  const running = run(undefined, cycle.signal);
  cycle.abort(new Error('not done within 30 s'));
  await expect(running).rejects.toThrow('not done within 30 s');
  inspector.inspect = () => Promise.reject(new Error('libvirt is away'));
  await expect(run()).rejects.toThrow('libvirt is away');
});

describe('groups', () => {
  const meter = (name: string): Meter => ({ name, type: 'gauge', unit: 'x', description: 'of the tests' });
  const both = pollster('both', ['a.first', 'b.second', 'c:<kind>'].map(meter), function* () {
    yield { meter: 'a.first', volume: 1 };
    yield { meter: 'b.second', volume: 1 };
    yield { meter: 'c:some', volume: 1 };
  });
  const cpu = pollster('cpu', ['cpu'], ({ inspection }) => [{ meter: 'cpu', volume: inspection.cpu.timeNs }], [
    'cpu',
  ]);

  it('take single meters of a pollster; the first group that names a meter gets it', async () => {
    const groups = [
      { name: 'a', interval: '10s', meters: ['a.*'] },
      { name: 'later', interval: '20s', meters: ['a.*', 'c:*'] },
    ];
    const { run, groups: made } = await cycles([both], [[one]], { groups });
    expect(made.map(({ name, interval }) => [name, interval])).toEqual([
      ['a', 10_000],
      ['later', 20_000],
      ['default', 600_000],
    ]);
    expect((await run(['a'])).taken).toEqual(['one a.first']);
    expect((await run(['later'])).taken).toEqual(['one c:some']);
    expect((await run(['default'])).taken).toEqual(['one b.second']);
    expect((await run()).taken).toEqual(['one a.first', 'one c:some', 'one b.second']);
  });

  it('have their own lists of instances', async () => {
    const options = {
      instances: { exclude: [{ name: 'one' }] },
      groups: [{ name: 'a', interval: '10s', meters: ['a.*'], instances: { include: [{ name: 'one' }] } }],
    };
    const { run } = await cycles([both], [[one, two]], options);
    expect((await run()).taken).toEqual(['one a.first', 'two b.second', 'two c:some']);
  });

  it('read only the parts that their pollsters need', async () => {
    const { run, inspector } = await cycles([both, cpu], [[one]], {
      groups: [{ name: 'a', interval: '10s', meters: ['a.*'] }],
    });
    await run(['a']);
    await run(['default']);
    await run();
    expect(inspector.asked.map((parts) => [...parts])).toEqual([[], ['cpu'], ['cpu']]);
  });

  it('are omitted without a meter', async () => {
    const { groups } = await cycles([cpu], [[one]], {
      groups: [
        { name: 'none', interval: '10s', meters: ['nothing'] },
        { name: 'all', interval: '1m', meters: ['*'] },
      ],
    });
    expect(groups.map(({ name }) => name)).toEqual(['all']);
  });

  it('report which of their patterns match no meter', () => {
    const patterns = (...groups: readonly (readonly string[])[]) =>
      idlePatterns(
        computeOptions.parse({
          groups: groups.map((meters, index) => ({ name: `${index}`, interval: '10s', meters })),
        }),
        [both, cpu],
      ).map(({ group, pattern }) => `${group} ${pattern}`);
    expect(patterns(['cpu', 'a.*', 'c:*'], ['*'])).toEqual([]);
    expect(patterns(['cpu', 'cpu.tmie'], ['a.first', 'cpu', 'c:*'], ['c:*'])).toEqual([
      '0 cpu.tmie',
      '1 cpu',
      '2 c:*',
    ]);
  });

  it('must have different names', () => {
    const named = (...names: readonly string[]) =>
      computeOptions
        .safeParse({ groups: names.map((name) => ({ name, interval: '10s', meters: ['*'] })) })
        .error?.issues.map(({ path, message }) => [path.join('.'), message]);
    expect(named('a', 'b')).toBeUndefined();
    expect(named('a', 'b', 'a')).toEqual([['groups.2.name', 'another group has this name']]);
    expect(named('default')).toEqual([['groups.0.name', "'default' is the group of the other meters"]]);
  });
});

describe('the previous reading', () => {
  const seen: (bigint | undefined)[] = [];
  const watching = pollster(
    'watching',
    ['watching'],
    ({ previous }) => {
      seen.push(previous?.cpu.timeNs);
      return [];
    },
    ['cpu'],
  );
  const cpuAt = (timeNs: bigint) => instanceReading({ instance: { id: 'one', name: 'one' }, cpu: { timeNs } });
  const stuck = instanceReading({
    instance: { id: 'one', name: 'one' },
    cpu: { missing: 'busy', detail: 'no answer' },
  });
  beforeEach(() => seen.splice(0));

  it('is the last one with all parts', async () => {
    const { run } = await cycles([watching], [[cpuAt(1n)], [stuck], [cpuAt(3n)], [cpuAt(4n)]]);
    for (let cycle = 0; cycle < 4; cycle++) await run();
    expect(seen).toEqual([undefined, 1n, 3n]);
  });

  it('is discarded with the instance', async () => {
    const { run, groups } = await cycles([watching], [[cpuAt(1n)], [], [cpuAt(3n)]]);
    await run();
    await run();
    expect(groups[0]?.pollsters[0]?.previous.size).toBe(0);
    await run();
    expect(seen).toEqual([undefined, undefined]);
  });
});

describe('missing figures', () => {
  const cpu = pollster(
    'cpu',
    ['cpu', 'cpu.wait'],
    function* ({ inspection }) {
      yield { meter: 'cpu', volume: inspection.cpu.timeNs };
      const { vcpus } = inspection.cpu;
      yield { meter: 'cpu.wait', volume: isMissing(vcpus) ? vcpus : vcpus.length };
    },
    ['cpu'],
  );
  const reading = (id: string, cpu: object) => instanceReading({ instance: { id, name: id }, cpu });
  const noWait = { vcpus: { missing: 'unsupported', detail: 'not reported' } };
  const stuck = { missing: 'busy', detail: 'no answer in time' };

  it('are counted every time and logged once', async () => {
    const { run, registry, told } = await cycles([cpu], [[reading('one', noWait), reading('two', noWait)]]);
    expect((await run()).taken).toEqual(['one cpu', 'two cpu']);
    await run();
    await run();
    expect(told('info')).toEqual(['no figure for cpu.wait of one, two: not reported']);
    expect(await metric(registry, 'nephoscope_missing_figures_total', { reason: 'unsupported' })).toBe(6);
  });

  it('are logged again when the reason changes, or when there was a figure in between', async () => {
    const steps = [reading('one', stuck), reading('one', {}), reading('one', stuck), reading('one', noWait)].map(
      (one) => [one],
    );
    const { run, told } = await cycles([cpu], steps);
    for (let cycle = 0; cycle < 4; cycle++) await run();
    expect(told('warn')).toEqual(Array(2).fill('no figure for cpu, cpu.wait of one: no answer in time'));
    expect(told('info')).toEqual(['no figure for cpu.wait of one: not reported']);
  });

  it('of one group are not logged again because another group was read in between', async () => {
    const options = { groups: [{ name: 'often', interval: '10s', meters: ['fine'] }] };
    const { run, told } = await cycles([cpu, fine], [[reading('one', stuck)]], options);
    for (const names of [['often', 'default'], ['often'], ['often'], ['often', 'default']]) await run(names);
    expect(told('warn')).toHaveLength(1);
  });

  it('of an instance that is shut off are not logged', async () => {
    const { run, registry, told } = await cycles([cpu, fine], [[shutOffReading()]]);
    expect((await run()).taken).toEqual(['instance-0000000a fine']);
    expect([...told('info'), ...told('warn')]).toEqual([]);
    expect(await metric(registry, 'nephoscope_missing_figures_total', { reason: 'off' })).toBe(2);
  });
});
