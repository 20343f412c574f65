import assert from 'node:assert/strict';

import { asPlugin, meterStem } from '@nephoscope/core';
import type { Counter, Meter, Namespace, Plugin } from '@nephoscope/core';
import { Secret } from '@nephoscope/core/options';
import { defineCentralPollster } from '@nephoscope/core/pollster';
import { createSigner, signMeteringMessage } from '@nephoscope/message';

import type { testFramework } from './test-framework.js';

const types: readonly string[] = ['cumulative', 'delta', 'gauge'];
const signer = createSigner({ secret: new Secret('of the contract tests'), form: 'canonical' });

/** The requirements on every plugin, whatever its kind. */
export function pluginTests(
  { it }: ReturnType<typeof testFramework>,
  plugin: Plugin,
  namespace: Namespace,
  options: unknown,
): void {
  it('is a plugin of this kind and API version, and frozen', () => {
    asPlugin(plugin, namespace, 'what was given to the contract');
    assert.ok(Object.isFrozen(plugin), 'the plugin is not frozen: export what the define…() function returned');
  });

  it('accepts the options, and refuses unknown keys', () => {
    const given = options ?? {};
    const parsed = plugin.options.safeParse(given);
    const hint =
      options === undefined
        ? 'Without options in the configuration the plugin must run: give them defaults, or give `options` to the contract.'
        : '';
    assert.ok(parsed.success, `the options are refused. ${hint} ${parsed.error?.message ?? ''}`);
    const mistyped = plugin.options.safeParse({ ...given, no_such_option: 1 });
    assert.ok(
      !mistyped.success,
      "an unknown option is taken: make 'options' a z.strictObject, so that the operator hears of typing errors",
    );
  });
}

/** A complete and valid table of meters. */
export function assertMeters(meters: readonly Meter[]): void {
  assert.ok(meters.length > 0, "the plugin declares no meters: fill in 'meters'");
  // Defining a plugin checks the names.
  defineCentralPollster({ meters, create: () => ({ getCounters: () => [] }) });
  for (const { name, type, unit, description } of meters) {
    assert.ok(types.includes(type), `the type of the meter '${name}' is '${type}': one of ${types.join(', ')}`);
    assert.equal(typeof unit, 'string', `the meter '${name}' has no unit; write '' where there is none`);
    assert.ok(description.trim() !== '', `the meter '${name}' has no description`);
  }
}

/** Counters that match the plugin's table, can be sent, and are unique. */
export function assertCounters(counters: readonly Counter[], meters: readonly Meter[]): void {
  const byStem = new Map(meters.map((meter) => [meterStem(meter.name), meter]));
  const seen = new Set<string>();
  for (const counter of counters) {
    const { name, type, unit, volume, resourceId } = counter;
    const meter = byStem.get(meterStem(name));
    assert.ok(meter !== undefined, `the counter '${name}' is not in the plugin's table of meters`);
    assert.deepEqual(
      { type, unit },
      { type: meter.type, unit: meter.unit },
      `the counter '${name}' is not as its meter is declared`,
    );
    assert.ok(resourceId !== '', `the counter '${name}' has no resource id`);
    assert.ok(
      typeof volume === 'bigint' || !Number.isInteger(volume) || Number.isSafeInteger(volume),
      `the volume of '${name}' (${volume}) is a number beyond 2^53, which is rounded: use bigint`,
    );
    const key = counterKey(counter);
    assert.ok(!seen.has(key), `'${name}' of the resource '${resourceId}' comes twice in one poll`);
    seen.add(key);
    // Throws for volumes that are not numbers, and for metadata that JSON cannot represent.
    signMeteringMessage(counter, { source: 'test', messageId: 'test', publisherId: 'test', sequence: 1n }, signer);
  }
}

/** Identifies a counter among those of its plugin. */
export function counterKey({ name, resourceId }: Pick<Counter, 'name' | 'resourceId'>): string {
  return `${name} of ${resourceId}`;
}
