import type { CounterType } from '@nephoscope/core';
import type { PolledCounter, PolledTotal } from '@nephoscope/runtime/replies';
import { exampleInstance } from '@nephoscope/testing';

import { Epochs } from '../src/epochs.js';
import { counted } from './support.js';

const epochOf = (epochs: Epochs, ...made: Parameters<Epochs['settle']>) => epochs.settle(...made)?.epoch;

const day = 24 * 3_600_000;

function counter(
  volume: number | bigint,
  { name = 'cpu', resourceId = 'disk-a', type = 'cumulative' as CounterType } = {},
): PolledCounter {
  return {
    name,
    type,
    unit: 'ns',
    volume,
    userId: null,
    projectId: null,
    resourceId,
    timestamp: 0n,
    resourceMetadata: {},
  };
}

const inRun = (run: string | undefined, id = 'one') => exampleInstance({ id, run });
const reloaded = (epochs: Epochs) =>
  new Epochs(JSON.parse(JSON.stringify(epochs)) as ReturnType<Epochs['toJSON']>);

it('is the run as long as the value does not fall', () => {
  const epochs = new Epochs();
  expect([5n, 5n, 9n].map((value) => epochOf(epochs, counter(value), inRun('r1'), 0))).toEqual(['r1', 'r1', 'r1']);
});

it('is the new run after a restart of the instance, whatever the value', () => {
  const epochs = new Epochs();
  expect(epochOf(epochs, counter(100n), inRun('r1'), 0)).toBe('r1');
  expect(epochOf(epochs, counter(500n), inRun('r2'), 0)).toBe('r2');
});

it('counts the falls within a run, separately for each series', () => {
  const epochs = new Epochs();
  const instance = inRun('r1');
  const other = { resourceId: 'disk-b' };
  epochOf(epochs, counter(100n), instance, 0);
  epochOf(epochs, counter(100n, other), instance, 0);
  expect(epochOf(epochs, counter(99n), instance, 0)).toBe('r1+1');
  expect(epochOf(epochs, counter(200n), instance, 0)).toBe('r1+1');
  expect(epochOf(epochs, counter(0n), instance, 0)).toBe('r1+2');
  expect(epochOf(epochs, counter(101n, other), instance, 0)).toBe('r1');
  expect(epochOf(epochs, counter(1n), inRun('r2'), 0)).toBe('r2');
});

it('detects a fall by one beyond 2^53', () => {
  const epochs = new Epochs();
  epochOf(epochs, counter(2n ** 63n + 1n), inRun('r1'), 0);
  expect(epochOf(reloaded(epochs), counter(2n ** 63n), inRun('r1'), 0)).toBe('r1+1');
});

it('compares integers with fractions', () => {
  const epochs = new Epochs();
  epochOf(epochs, counter(2.5), inRun('r1'), 0);
  const restarted = reloaded(epochs);
  expect(epochOf(restarted, counter(3n), inRun('r1'), 0)).toBe('r1');
  expect(epochOf(restarted, counter(2.75), inRun('r1'), 0)).toBe('r1+1');
});

it('survives a restart of the agent, and falls that happened meanwhile are detected', () => {
  const epochs = new Epochs();
  epochOf(epochs, counter(10n), inRun('r1'), 0);
  epochOf(epochs, counter(5n), inRun('r1'), 0);
  expect(epochOf(reloaded(epochs), counter(6n), inRun('r1'), 0)).toBe('r1+1');
  expect(epochOf(reloaded(epochs), counter(4n), inRun('r1'), 0)).toBe('r1+2');
  expect(epochOf(reloaded(epochs), counter(7n), inRun('r2'), 0)).toBe('r2');
});

it('exists only for cumulative counters, and only if the run is known', () => {
  const epochs = new Epochs();
  expect(epochOf(epochs, counter(1n, { type: 'gauge' }), inRun('r1'), 0)).toBeUndefined();
  expect(epochOf(epochs, counter(1n, { type: 'delta' }), inRun('r1'), 0)).toBeUndefined();
  expect(epochOf(epochs, counter(1n), inRun(undefined), 0)).toBeUndefined();
});

it.each([NaN, Infinity, -Infinity])('is not affected by %p', (garbage) => {
  const epochs = new Epochs();
  epochOf(epochs, counter(10n), inRun('r1'), 0);
  epochOf(epochs, counter(garbage), inRun('r1'), 0);
  expect(epochOf(epochs, counter(11n), inRun('r1'), 0)).toBe('r1');
});

describe('a missing instance', () => {
  const here = (...ids: string[]) => new Set(ids);
  const few = { full: 2, remains: 3 };

  it('continues its epoch when it comes back in the same run, however late', () => {
    const epochs = new Epochs();
    epochOf(epochs, counter(10n), inRun('r1', 'gone'), 0);
    epochs.listed(here('other'));
    epochOf(epochs, counter(1n), inRun('r1', 'other'), 40 * day);
    epochs.listed(here('other', 'gone'));
    expect(epochOf(epochs, counter(9n), inRun('r1', 'gone'), 400 * day)).toBe('r1+1');
  });

  it('is remembered completely if it is among the last to disappear; otherwise only what its epochs depend on', () => {
    const epochs = new Epochs({}, few);
    const fallen = inRun('r', 'fallen');
    expect(['fallen', 'plain', 'off'].map((id) => epochOf(epochs, counter(10n), inRun('r', id), 0))).toEqual(
      Array(3).fill('r'),
    );
    expect(epochOf(epochs, counter(5n), fallen, 0)).toBe('r+1');
    epochOf(epochs, counter(7n, { resourceId: 'disk-b' }), fallen, 0);
    epochOf(epochs, counter(1n, { type: 'gauge' }), inRun(undefined, 'off'), 0);
    expect(epochs.listed(here())).toEqual({ reduced: ['fallen'], forgotten: [] });
    for (const id of ['a', 'b']) epochOf(epochs, counter(10n), inRun('r', id), 0);
    expect(epochs.listed(here())).toEqual({ reduced: ['plain', 'off'], forgotten: [] });
    expect(Object.keys(epochs.toJSON())).toEqual(['fallen', 'off', 'a', 'b']);
    const after = reloaded(epochs);
    for (const one of [epochs, after]) {
      expect(epochOf(one, counter(6n), fallen, 0)).toBe('r+1');
      expect(epochOf(one, counter(5n), fallen, 0)).toBe('r+2');
      expect(epochOf(one, counter(8n, { resourceId: 'disk-b' }), fallen, 0)).toBe('r');
      expect(epochOf(one, counter(11n), inRun('r', 'plain'), 0)).toBe('r');
      expect(epochOf(one, counter(11n), inRun('r', 'off'), 0)).toBe('r.1');
      expect(epochOf(one, counter(9n), inRun('r', 'a'), 0)).toBe('r+1');
    }
  });

  it('keeps the epochs of all its series, including a new one when many were discarded', () => {
    const epochs = new Epochs({}, few);
    const instance = inRun('r', 'busy');
    epochOf(epochs, counter(10n), instance, 0);
    for (let number = 0; number < 300; number++) {
      epochOf(epochs, counter(1n, { resourceId: `tap${number}` }), instance, number * day);
      epochOf(epochs, counter(10n), instance, number * day);
      epochs.forgetDevices(number * day);
    }
    for (const id of ['a', 'b']) epochOf(epochs, counter(10n), inRun('r', id), 0);
    const before = epochOf(epochs, counter(1n, { resourceId: 'tap299' }), instance, 300 * day);
    expect(epochs.listed(here('a', 'b')).reduced).toEqual([]);
    expect(epochs.listed(here()).reduced).toEqual(['busy']);
    expect(epochOf(epochs, counter(11n), instance, 0)).toBe('r');
    expect(epochOf(epochs, counter(2n, { resourceId: 'tap299' }), instance, 0)).toBe(before);
  });

  it('is discarded if too many others with an epoch of their own disappeared later, which is logged', () => {
    const epochs = new Epochs({}, few);
    for (const id of counted(7).map(String)) {
      epochOf(epochs, counter(10n), inRun('r', id), 0);
      epochOf(epochs, counter(1n, { type: 'gauge' }), inRun(undefined, id), 0);
    }
    expect(epochs.listed(here('7')).forgotten).toEqual(['1']);
    expect(epochs.listed(here('7')).forgotten).toEqual([]);
    expect(Object.keys(epochs.toJSON())).toHaveLength(6);
  });
});

it('is a new one when an instance that was off comes back in a run of the same name, even if the agent restarted', () => {
  const epochs = new Epochs();
  expect(epochOf(epochs, counter(5), inRun('r'), 0)).toBe('r');
  expect(epochOf(epochs, counter(1, { name: 'instance', type: 'gauge' }), inRun(undefined), 0)).toBeUndefined();
  const after = reloaded(epochs);
  expect(epochOf(after, counter(9), inRun('r'), 0)).toBe('r.1');
  expect(epochOf(after, counter(8), inRun('r'), 0)).toBe('r.1+1');
  expect(epochOf(after, counter(8), inRun('s'), 0)).toBe('s');
});

it('discards series of devices that are long gone, and restarts none of them', () => {
  const epochs = new Epochs();
  const card = (number: number) => counter(BigInt(number), { resourceId: `vnet${number}` });
  for (let number = 0; number < 500; number++) {
    epochs.forgetDevices(number * day);
    epochOf(epochs, counter(BigInt(number)), inRun('r1'), number * day);
    expect(epochOf(epochs, card(number), inRun('r1'), number * day)).toMatch(
      number < 100 ? /^r1$/ : /^r1(\+\d+)?$/,
    );
  }
  expect(Object.keys(epochs.toJSON()['one']!.series).length).toBeLessThan(110);
  const again = reloaded(epochs);
  const kept = epochOf(epochs, card(499), inRun('r1'), 500 * day);
  expect(epochOf(again, card(499), inRun('r1'), 500 * day)).toBe(kept);
  expect(epochOf(again, card(0), inRun('r1'), 500 * day)).toMatch(/^r1\+\d+$/);
  expect(epochOf(again, counter(500n), inRun('r1'), 500 * day)).toBe('r1');
});

describe('a device', () => {
  const plugged = (volume: bigint, plugging?: readonly string[]) => ({ ...counter(volume), plugging });

  it('starts a new epoch when it was attached again, whatever its count, even while no agent ran', () => {
    const epochs = new Epochs();
    const instance = inRun('r1');
    expect(epochOf(epochs, plugged(10n, ['1']), instance, 0)).toBe('r1');
    expect(epochOf(epochs, plugged(11n, ['4', '1']), instance, 0)).toBe('r1');
    expect(epochOf(epochs, plugged(12n, ['4']), instance, 0)).toBe('r1');
    expect(epochOf(epochs, plugged(99n, ['5']), instance, 0)).toBe('r1+1');
    expect(epochOf(reloaded(epochs), plugged(100n, ['5']), instance, 0)).toBe('r1+1');
    expect(epochOf(reloaded(epochs), plugged(100n, ['6']), instance, 0)).toBe('r1+2');
  });

  it('continues its epoch if its attachments cannot be distinguished', () => {
    const epochs = new Epochs();
    const instance = inRun('r1');
    const marks = [undefined, ['1'], undefined, ['1']];
    expect(marks.map((plugging) => epochOf(epochs, plugged(10n, plugging), instance, 0))).toEqual(
      Array(4).fill('r1'),
    );
    expect(epochOf(epochs, plugged(11n, ['2']), instance, 0)).toBe('r1+1');
  });

  it('that fell without marks gets the epoch of the next marks that are found', () => {
    const epochs = new Epochs();
    const instance = inRun('r1');
    const readings = [plugged(10n, ['1']), plugged(3n), plugged(4n, ['2']), plugged(5n, ['2'])];
    expect(readings.map((one) => epochOf(epochs, one, instance, 0))).toEqual(['r1', 'r1+1', 'r1+1', 'r1+1']);
  });
});

describe('a total', () => {
  type Parts = Record<string, bigint | number | 'missing' | readonly [bigint, ...string[]]>;
  const busy = { missing: 'busy', detail: 'stuck' } as const;
  const total = (parts: Parts, whole?: bigint): PolledTotal => {
    const { volume: _, ...fields } = counter(0n, { name: 'disk.read.bytes', resourceId: 'one' });
    return {
      ...fields,
      whole,
      parts: Object.entries(parts).map(([key, part]) =>
        typeof part === 'object'
          ? { key, volume: part[0], plugging: part.slice(1) as string[] }
          : { key, volume: part === 'missing' ? busy : part },
      ),
    };
  };
  /** The volumes that result from these readings of one run, the same if the agent restarts after each. */
  const volumes = (...readings: (Parts | readonly [Parts, bigint])[]) => {
    const made = (restarted: boolean) => {
      let epochs = new Epochs();
      return readings.map((reading) => {
        const given = Array.isArray(reading) ? total(...(reading as [Parts, bigint])) : total(reading as Parts);
        const settled = epochs.settle(given, inRun('r1'), 0);
        if (restarted) epochs = reloaded(epochs);
        if (settled !== undefined) expect(settled.epoch).toBe('r1');
        return settled?.counter.volume;
      });
    };
    expect(made(true)).toEqual(made(false));
    return made(false);
  };

  it('includes the use of devices that were removed', () => {
    expect(
      volumes({ a: 1000n, b: [1n, '1'] }, { a: 1000n }, { a: 1005n, b: [3n, '2'] }, { a: 1005n, b: [4n, '2'] }),
    ).toEqual([1001n, 1001n, 1009n, 1010n]);
  });

  it('counts a device once that was missing and returned, with or without marks', () => {
    expect(volumes({ a: 5n, b: [10n, '1'] }, { a: 6n }, { a: 6n, b: [12n, '1'] }, {}, { b: [13n, '1'] })).toEqual([
      15n,
      16n,
      18n,
      18n,
      19n,
    ]);
    expect(volumes({ a: 10n }, {}, { a: 10n }, {}, { a: 3n }, {}, { a: 4n })).toEqual([
      10n,
      10n,
      10n,
      10n,
      13n,
      13n,
      14n,
    ]);
    expect(volumes({ a: 10n }, {}, { a: 'missing' }, { a: 11n })).toEqual([10n, 10n, undefined, 11n]);
  });

  it('remembers a limited number of removed devices', () => {
    const plugged = Array.from({ length: 500 }, (_, number): Parts => ({ [`tap${number}`]: 1n }));
    const epochs = new Epochs();
    for (const parts of plugged) epochs.settle(total(parts), inRun('r1'), 0);
    expect(epochs.settle(total({}), inRun('r1'), 0)?.counter.volume).toBe(500n);
    expect(JSON.stringify(epochs).length).toBeLessThan(3_000);
    expect(reloaded(epochs).settle(total({ tap499: 2n }), inRun('r1'), 0)?.counter.volume).toBe(501n);
  });

  it('does not count twice what was read while the device could not be identified', () => {
    expect(volumes({ a: [10n, '1'] }, { a: 12n }, { a: 13n }, { a: [14n, '2'] })).toEqual([10n, 12n, 13n, 24n]);
    expect(volumes({ a: [10n, '1'] }, { a: 12n }, { a: [14n, '1'] }, { a: [15n, '2'] })).toEqual([
      10n,
      12n,
      14n,
      29n,
    ]);
    expect(volumes({ a: [10n, '1'] }, { a: 50n }, { a: [13n, '2'] })).toEqual([10n, 50n, 63n]);
  });

  it('adds a device that was attached again under the same name, whether its count is higher or lower', () => {
    expect(volumes({ a: [10n, '1'] }, { a: [30n, '2'] }, { a: [31n, '2', '7'] }, { a: [32n, '7'] })).toEqual([
      10n,
      40n,
      41n,
      42n,
    ]);
    expect(volumes({ a: 10n }, { a: 4n }, { a: 5n })).toEqual([10n, 14n, 15n]);
  });

  it('is missing while a part is missing, and loses nothing', () => {
    expect(
      volumes(
        { a: 10n, b: [5n, '1'] },
        { a: 12n, b: 'missing' },
        { b: [7n, '1'] },
        { a: 'missing', b: [9n, '1'] },
        { a: 1n },
      ),
    ).toEqual([15n, undefined, 19n, undefined, 22n]);
  });

  it('keeps the readings of the other parts when one was missing', () => {
    expect(volumes({ a: 100n, b: 50n }, { a: 'missing', b: 70n }, { a: 110n })).toEqual([150n, undefined, 180n]);
  });

  it('of a whole minus its parts stays constant where it would fall', () => {
    expect(
      volumes(
        [{ a: 60n, b: 30n }, 100n],
        [{ a: 65n, b: 31n }, 104n],
        [{ a: 66n }, 130n],
        [{ a: 66n, b: 2n }, 140n],
      ),
    ).toEqual([10n, 10n, 33n, 41n]);
  });

  it('is exact beyond 2^53, and accepts fractions', () => {
    expect(volumes({ a: 2n ** 60n + 1n, b: 1 }, { a: 2n ** 60n + 2n })).toEqual([2n ** 60n + 2n, 2n ** 60n + 3n]);
    expect(volumes({ a: 0.5, b: 1 }, { a: 0.75 })).toEqual([1.5, 1.75]);
  });

  it('starts again with each run', () => {
    const epochs = new Epochs();
    epochs.settle(total({ a: 10n, b: 5n }), inRun('r1'), 0);
    epochs.settle(total({ a: 11n }), inRun('r1'), 0);
    const next = epochs.settle(total({ a: 3n }), inRun('r2'), 0);
    expect([next?.counter.volume, next?.epoch]).toEqual([3n, 'r2']);
    const off = epochs.settle(total({ a: 3n }), inRun(undefined), 0);
    expect([off?.counter.volume, off?.epoch]).toEqual([3n, undefined]);
    expect(epochs.settle(total({ a: 'missing' }), inRun(undefined), 0)).toBeUndefined();
  });

  it('is refused, and not remembered, if a part is not a number', () => {
    const epochs = new Epochs();
    epochs.settle(total({ a: 10n }), inRun('r1'), 0);
    expect(epochs.settle(total({ a: NaN }), inRun('r1'), 0)?.counter.volume).toBeNaN();
    expect(epochs.settle(total({ a: 11n }), inRun('r1'), 0)?.counter.volume).toBe(11n);
  });

  it('continues without a jump from the state of the previous version', () => {
    const before = (volume: string) =>
      new Epochs({
        one: {
          run: 'r1',
          recurrence: 0,
          ended: false,
          lastSeen: 0,
          series: { 'disk.read.bytes one': [volume, 2] },
        },
      });
    const upgraded = before('1000');
    const next = (parts: Parts) => {
      const settled = upgraded.settle(total(parts), inRun('r1'), 0);
      return [settled?.counter.volume, settled?.epoch];
    };
    expect(next({ a: 900n, b: 'missing' })).toEqual([undefined, undefined]);
    expect(next({ a: 900n, b: 110n })).toEqual([1010n, 'r1+2']);
    expect(next({ a: 901n })).toEqual([1011n, 'r1+2']);
    const detached = before('1000').settle(total({ a: 901n }), inRun('r1'), 0);
    expect([detached?.counter.volume, detached?.epoch]).toEqual([1000n, 'r1+2']);
  });
});
