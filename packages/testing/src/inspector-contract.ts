import assert from 'node:assert/strict';

import { isMissing, isNephoscopeError } from '@nephoscope/core';
import type { Missing } from '@nephoscope/core';
import type { Inspector } from '@nephoscope/core/inspector';
import type { Instance, InstancePart, InstanceReading } from '@nephoscope/core/instance';

import { instanceParts } from './poll-counters.js';
import { sent } from './boundary.js';
import { assertNoHandleLeft, testFramework, within } from './test-framework.js';

export interface InspectorContract {
  /** An inspector that is not started yet, of a host with at least one running instance. */
  create(): Inspector;
  /** An inspector whose `start` cannot succeed. */
  createUnstartable?(): Inspector;
}

/** The requirements on every inspector, as tests in the framework whose `describe` and `it` are global. */
export function inspectorContract(name: string, { create, createUnstartable }: InspectorContract): void {
  const { describe, it } = testFramework();
  const all: ReadonlySet<InstancePart> = new Set(instanceParts);

  async function withInspector(body: (inspector: Inspector) => Promise<void>): Promise<void> {
    const inspector = create();
    await inspector.start(AbortSignal.timeout(deadline));
    try {
      await body(inspector);
    } finally {
      await inspector.stop();
    }
  }
  const inspect = (inspector: Inspector, parts = all) => inspector.inspect(parts, AbortSignal.timeout(deadline));

  describe(`${name} keeps the inspector contract`, () => {
    it('stops before it was started, twice, and at the same time', async () => {
      const inspector = create();
      await inspector.stop();
      await Promise.all([inspector.stop(), inspector.stop()]);
      assert.equal(inspector.health().ok, false);
    });

    it('is healthy from start to stop, and reads nothing after it', async () => {
      const inspector = create();
      assert.equal(inspector.health().ok, false, 'it is healthy before it was started');
      await inspector.start(AbortSignal.timeout(deadline));
      assert.deepEqual(inspector.health(), { ok: true });
      await Promise.all([inspector.stop(), inspector.stop()]);
      assert.equal(inspector.health().ok, false, 'it is healthy after it was stopped');
      await assert.rejects(within('inspect() after stop()', deadline, inspect(inspector)), (error) =>
        isNephoscopeError(error, 'INSPECTOR_UNAVAILABLE'),
      );
    });

    it('leaves no handle open', () =>
      assertNoHandleLeft(() =>
        withInspector(async (inspector) => {
          await inspect(inspector);
        }),
      ));

    if (createUnstartable !== undefined) {
      it('undoes a start that fails', () =>
        assertNoHandleLeft(async () => {
          const inspector = createUnstartable();
          await assert.rejects(
            within('start() fails', 2 * deadline, inspector.start(AbortSignal.timeout(deadline))),
            (error) => isNephoscopeError(error),
          );
          assert.equal(inspector.health().ok, false);
          await inspector.stop();
        }));
    }

    it('reads the requested parts and no others, each a value or the reason why it is missing', async () => {
      await withInspector(async (inspector) => {
        for (const parts of [all, new Set<InstancePart>(), ...instanceParts.map((part) => new Set([part]))]) {
          const readings = await inspect(inspector, parts);
          assert.ok(
            readings.some(({ instance }) => instance.state === 'running'),
            'it finds no running instance',
          );
          for (const reading of readings) assertReading(reading, parts);
          const ids = readings.map(({ instance }) => instance.id);
          assert.equal(new Set(ids).size, ids.length, `an instance is read twice: ${ids.join(', ')}`);
        }
      });
    });

    it('returns plain data that can be sent to another process', async () => {
      await withInspector(async (inspector) => {
        for (const reading of await inspect(inspector)) assertReading(sent(reading), all);
      });
    });

    it('returns the same objects for what has not changed, and times that advance', async () => {
      await withInspector(async (inspector) => {
        const first = await inspect(inspector);
        const second = new Map((await inspect(inspector)).map((reading) => [reading.instance.id, reading]));
        for (const earlier of first) {
          const later = second.get(earlier.instance.id);
          if (later !== undefined) assertContinued(earlier, later);
        }
      });
    });

    it('reads single instances independently of the host, if it supports that', async () => {
      await withInspector(async (inspector) => {
        if (inspector.inspectInstance === undefined) return;
        const { signal } = new AbortController();
        const readings = (await inspect(inspector)).filter(({ instance }) => instance.state === 'running');
        for (const earlier of readings) {
          const { id, name } = earlier.instance;
          const [one] = await Promise.all([inspector.inspectInstance(id, all, signal), inspect(inspector)]);
          assert.ok(one !== undefined, `${name} was not found alone`);
          assertReading(one, all);
          assertContinued(earlier, one);
        }
        assert.equal(
          await inspector.inspectInstance('00000000-0000-4000-8000-00000000dead', all, signal),
          undefined,
        );
        inspector.watch?.(() => undefined)();
      });
    });

    it('supports two concurrent readings, and another inspector', async () => {
      await withInspector((one) =>
        withInspector(async (two) => {
          const readings = await Promise.all([inspect(one), inspect(one, new Set(['cpu'])), inspect(two)]);
          for (const each of readings) assert.ok(each.length > 0, 'it read no instance');
          for (const reading of readings[1]) assertReading(reading, new Set(['cpu']));
        }),
      );
    });

    it('ends when its signal is aborted, and reads again afterwards', async () => {
      await withInspector(async (inspector) => {
        const aborted = AbortSignal.abort(new Error('aborted by the contract test'));
        await assert.rejects(
          within('inspect() ends after it was aborted', deadline, inspector.inspect(all, aborted)),
        );
        assert.ok((await inspect(inspector)).length > 0);
      });
    });
  });
}

/** ms */
const deadline = 10_000;

function assertReading(
  { instance, readAt, readAtMonotonic, parts }: InstanceReading,
  asked: ReadonlySet<InstancePart>,
): void {
  assertInstance(instance);
  assert.equal(typeof readAt, 'bigint', `readAt of ${instance.name}`);
  assert.equal(typeof readAtMonotonic, 'bigint', `readAtMonotonic of ${instance.name}`);
  const known = instanceParts.filter((part) => parts[part] !== undefined);
  assert.deepEqual(
    known,
    instanceParts.filter((part) => asked.has(part)),
    `the parts of ${instance.name} that were read`,
  );
  for (const part of known) assertFigures(`${part} of ${instance.name}`, parts[part]);
}

function assertInstance({ id, name, state, run }: Instance): void {
  assert.ok(id !== '' && name !== '', 'an instance has no id or name');
  if (state === 'running')
    assert.ok(run !== undefined && run !== '', `${name} is running, and its run has no name`);
  if (state === 'shutoff') assert.equal(run, undefined, `${name} is shut off and has a run`);
}

/** Counts are bigints that are not negative; missing figures have a reason. */
function assertFigures(where: string, value: unknown): void {
  if (typeof value === 'bigint') assert.ok(value >= 0n, `${where} is negative: ${value}`);
  if (typeof value !== 'object' || value === null) return;
  if (isMissing(value)) {
    const { missing, detail } = value as Missing;
    assert.ok(
      ['busy', 'unsupported', 'off', 'error'].includes(missing),
      `${where} is missing for no known reason: ${missing}`,
    );
    assert.ok(detail !== '', `${where} is missing without a word for people`);
    return;
  }
  for (const [key, inner] of Object.entries(value)) assertFigures(`${where}, ${key}`, inner);
}

function assertContinued(earlier: InstanceReading, later: InstanceReading): void {
  const { name } = earlier.instance;
  assert.ok(
    later.readAtMonotonic >= earlier.readAtMonotonic,
    `the second reading of ${name} is earlier than the first`,
  );
  if (earlier.instance.state === later.instance.state) {
    assert.ok(later.instance.run === earlier.instance.run, `${name} has another run though it was not restarted`);
    assert.deepEqual(
      later.instance,
      earlier.instance,
      `${name} is another instance though nothing happened to it`,
    );
  }
  for (const [part, key] of [
    ['disks', 'disk'],
    ['vnics', 'vnic'],
  ] as const) {
    const [before, after] = [earlier.parts[part], later.parts[part]];
    if (before === undefined || isMissing(before) || after === undefined || isMissing(after)) continue;
    const [old, now] = [before, after].map((devices) => devices.map((each) => each[key as keyof typeof each]));
    if (before.length === after.length)
      assert.deepEqual(now, old, `a ${key} of ${name} is another one in each reading`);
  }
}
