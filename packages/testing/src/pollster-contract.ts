import assert from 'node:assert/strict';
import { setImmediate as tick } from 'node:timers/promises';

import { isMissing, meterStem } from '@nephoscope/core';
import type { Counter } from '@nephoscope/core';
import type { InstancePart, InstanceReading } from '@nephoscope/core/instance';
import type { ComputePollsterPlugin } from '@nephoscope/core/pollster';

import { sent } from './boundary.js';
import type { Boundary } from './boundary.js';
import { assertCounters, assertMeters, counterKey, pluginTests } from './plugin-checks.js';
import { createPollster, instanceParts, poll } from './poll-counters.js';
import type { PollOptions, PollResult } from './poll-counters.js';
import { instanceReading, shutOffReading } from './readings.js';
import { departures, gapVariants, readingAfter } from './reading-variants.js';
import { assertNoHandleLeft, testFramework, within } from './test-framework.js';

export interface PollsterContract {
  /** The plugin's options as written by an operator; by default none, as after its installation. */
  readonly options?: unknown;
  /**
   * Readings in which each of its meters has a figure at least once. They are frozen. By default {@link
   * exampleReadings}.
   */
  readonly readings?: readonly InstanceReading[];
}

/** Running, with two disks and two cards; of an unknown owner and flavor; without disks and cards; shut off. */
export function exampleReadings(): readonly InstanceReading[] {
  const device = {
    disks: [{}, { io: { readBytes: 77n, writeBytes: 78n } }],
    vnics: [{}, { traffic: { rxBytes: 79n } }],
  };
  return [
    instanceReading(device),
    instanceReading({
      instance: { userId: null, projectId: null, flavor: undefined },
    }),
    instanceReading({ disks: [], vnics: [] }),
    shutOffReading(),
  ];
}

/**
 * The requirements on every compute pollster, as tests in the framework whose `describe` and `it` are global (jest,
 * or vitest with `globals`).
 */
export function pollsterContract<Options, P extends InstancePart>(
  name: string,
  plugin: ComputePollsterPlugin<Options, P>,
  { options, readings = exampleReadings() }: PollsterContract = {},
): void {
  const framework = testFramework();
  const { describe, it } = framework;
  readings.forEach(deepFreeze);

  const start = () => createPollster(plugin, { options });
  const pollOnce = async (
    reading: InstanceReading,
    around: PollOptions & { readonly across?: Boundary } = {},
    pollster = start(),
  ): Promise<PollResult> => {
    const result = await within(
      `a poll of ${reading.instance.name}`,
      pollDeadline,
      poll(plugin, pollster, deepFreeze(reading), around),
    );
    assertCounters(result.counters, plugin.meters);
    return result;
  };
  /** Each reading, and the next one of the same instance. */
  const pairs = readings.map((reading) => [reading, readingAfter(reading, 10, grow)] as const);

  describe(`${name} keeps the pollster contract`, () => {
    pluginTests(framework, plugin, 'poll.compute', options);

    it('declares its meters and what it reads', () => {
      assertMeters(plugin.meters);
      for (const part of plugin.reads)
        assert.ok(instanceParts.includes(part), `it reads '${part}': there is ${instanceParts.join(', ')}`);
    });

    it('makes counters as declared, on first and later calls, and each meter for at least one reading', async () => {
      const seen = new Set<string>();
      for (const [reading, next] of pairs) {
        await pollOnce(reading);
        const { counters } = await pollOnce(next, { previous: reading });
        for (const counter of counters) seen.add(meterStem(counter.name));
      }
      const unseen = plugin.meters.filter((meter) => !seen.has(meterStem(meter.name))).map((meter) => meter.name);
      assert.deepEqual(
        unseen,
        [],
        'no reading gave a counter of these meters: give `readings` to the contract that do, or do not declare them',
      );
    });

    it('accepts counts that fall, that do not change, and that are beyond 2^53', async () => {
      for (const [reading, next] of pairs) {
        await pollOnce(
          readingAfter(reading, 10, (count) => count / 2n),
          { previous: reading },
        );
        await pollOnce(next, { previous: next });
        const huge = readingAfter(reading, 0, (count) => count + 2n ** 62n + 1n);
        await pollOnce(readingAfter(huge, 10, grow), { previous: huge });
      }
    });

    it('reports a missing figure as missing, and neither as 0 nor as part of a sum', async () => {
      for (const [reading, next] of pairs) {
        const whole = await pollOnce(next, { previous: reading });
        for (const { what, of, take } of gapVariants) {
          if (!(plugin.reads as readonly InstancePart[]).includes(of)) continue;
          const lacking = { ...next, parts: take(next.parts) };
          assertMissing(what, whole, await pollOnce(lacking, { previous: reading }));
          await pollOnce(next, { previous: { ...reading, parts: take(reading.parts) } });
        }
      }
    });

    it('sends the parts of a sum that falls when a device is removed', async () => {
      for (const [reading, next] of pairs) {
        const { counters } = await pollOnce(reading);
        for (const { what, of, take } of departures) {
          if (!(plugin.reads as readonly InstancePart[]).includes(of)) continue;
          const left = { ...next, parts: take(next.parts) };
          const later = await pollOnce(left, { previous: reading });
          assertNoFall(what, counters, later);
        }
      }
    });

    it('shares nothing with another pollster of the same plugin', async () => {
      for (const [reading, next] of pairs) {
        const first = await pollOnce(next, { previous: reading });
        await pollOnce(twinOf(next));
        const second = await pollOnce(next, { previous: reading });
        assert.deepEqual(
          second.counters,
          first.counters,
          'a new pollster gives other counters for the same reading: state belongs into what create() returns',
        );
      }
    });

    it('does not mix two instances that it polls at the same time', async () => {
      for (const [reading, next] of pairs) {
        const [one, two] = [next, twinOf(next)];
        const alone = [await pollOnce(one, { previous: reading }), await pollOnce(two)];
        const pollster = start();
        const together = await Promise.all([
          pollOnce(one, { previous: reading }, pollster),
          pollOnce(two, {}, pollster),
        ]);
        assert.deepEqual(
          together.map(({ counters }) => counters),
          alone.map(({ counters }) => counters),
        );
      }
    });

    it('uses requests and replies of plain data that can be sent to another process', async () => {
      for (const [reading, next] of pairs) {
        const here = await pollOnce(next, { previous: reading });
        const across = await pollOnce(next, { previous: reading, across: sent });
        assert.deepEqual(
          { ...across, log: [] },
          { ...here, log: [] },
          'it gives other counters when its request or its reply was copied: look at contents, not at whether two objects are the same one',
        );
      }
    });

    it('ends when its signal is aborted, before or meanwhile', async () => {
      for (const [, next] of pairs) {
        for (const meanwhile of [false, true]) {
          const controller = new AbortController();
          if (!meanwhile) controller.abort(new Error('aborted by the contract test'));
          // It may fail then or return what it has.
          const ended = poll(plugin, start(), next, { signal: controller.signal }).then(ignore, ignore);
          await tick();
          controller.abort(new Error('aborted by the contract test'));
          await within('the poll ends after it was aborted (use its signal)', abortDeadline, ended);
        }
      }
    });

    it('leaves no handle open', async () => {
      await assertNoHandleLeft(async () => {
        for (const [reading, next] of pairs) await pollOnce(next, { previous: reading });
      });
    });
  });
}

/** ms */
const pollDeadline = 5_000;
const abortDeadline = 2_000;

const ignore = (): void => undefined;

/** How much a count grows in ten seconds: little enough for times to stay below the elapsed time. */
const grow = (count: bigint): bigint => count + 1_000_003n;

/** Another instance of the same kind with other figures. */
function twinOf(reading: InstanceReading): InstanceReading {
  const other = readingAfter(reading, 1, (count) => count + 17n);
  const { disks, vnics } = other.parts;
  return {
    ...other,
    instance: {
      ...reading.instance,
      id: '0f0c3d1e-twin',
      name: 'instance-0000000b',
      displayName: 'twin',
      projectId: 'project-of-twin',
    },
    parts: {
      ...other.parts,
      ...(disks && {
        disks: isMissing(disks) ? disks : disks.map((each) => ({ ...each, disk: { ...each.disk } })),
      }),
      ...(vnics && {
        vnics: isMissing(vnics) ? vnics : vnics.map((each) => ({ ...each, vnic: { ...each.vnic } })),
      }),
    },
  };
}

function assertMissing(what: string, whole: PollResult, lacking: PollResult): void {
  const volumes = new Map(lacking.counters.map((counter) => [counterKey(counter), counter.volume]));
  for (const counter of whole.counters) {
    const key = counterKey(counter);
    const volume = volumes.get(key);
    if (volume === undefined) {
      const told = lacking.missing.some(
        ({ meter, resourceId }) =>
          meterStem(meter) === meterStem(counter.name) && resourceId === counter.resourceId,
      );
      assert.ok(told, `without ${what} there is no '${key}', and nobody is told: yield the reason as its volume`);
    } else {
      assert.ok(
        Number(volume) !== 0 || Number(counter.volume) === 0,
        `without ${what} '${key}' is 0: yield the reason as its volume instead`,
      );
      assert.ok(
        counter.type !== 'cumulative' || volume >= counter.volume,
        `without ${what} '${key}' falls from ${counter.volume} to ${volume}: yield the reason as its volume instead`,
      );
    }
  }
}

function assertNoFall(what: string, before: readonly Counter[], { counters, totals }: PollResult): void {
  const inParts = new Set(totals.map(counterKey));
  const volumes = new Map(before.map((counter) => [counterKey(counter), counter.volume]));
  for (const counter of counters) {
    const key = counterKey(counter);
    const volume = volumes.get(key);
    assert.ok(
      counter.type !== 'cumulative' || volume === undefined || counter.volume >= volume || inParts.has(key),
      `'${key}' falls from ${volume} to ${counter.volume} when ${what} goes: yield its parts, { meter, parts }`,
    );
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
