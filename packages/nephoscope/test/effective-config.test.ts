import { Secret, duration } from '@nephoscope/core/options';
import type { DeclaredPlugin } from '@nephoscope/runtime';
import { z } from 'zod';

import { effectiveConfig } from '../src/effective-config.js';

const declared: DeclaredPlugin = {
  namespace: 'bus',
  name: 'pigeon',
  packageName: 'pigeons',
  packageVersion: '1.0.0',
  packageDirectory: '/',
  export: '.',
};

function print(values: Record<string, unknown>, options: z.ZodType) {
  const { type: _, ...given } = (values['bus'] ?? {}) as Record<string, unknown>;
  const active = { declared, options: options.parse(given), plugin: { options } } as never;
  return effectiveConfig(
    { values, warnings: [], locate: () => 'here' },
    {
      config: { secrets: [new Secret('never print me')] },
      warnings: [],
      declared: [declared],
      chosen: { bus: active },
      selected: {},
    },
  );
}

describe('effectiveConfig', () => {
  const options = z.strictObject({
    url: z.union([z.string(), z.array(z.string())]).optional(),
    speed: duration().default(90_000),
    height: z.number().default(90_000),
    password: z.string().optional(),
    passphrase: z.string().optional(),
    apiKey: z.string().optional(),
    loft: z.strictObject({ size: z.number().default(4) }).prefault({}),
  });

  it('fills in the defaults of programs and plugins, with time spans in their written form', () => {
    const whole = print({ secrets: ['x'.repeat(8)], compute: { timeout: '5s' } }, options);
    expect(whole['bus']).toEqual({ type: 'pigeon', speed: '90s', height: 90_000, loft: { size: 4 } });
    expect(whole['compute']).toMatchObject({ interval: '10m', timeout: '5s', disabled: [] });
    expect(whole['source']).toBe('openstack');
  });

  it('keeps configured values', () => {
    expect(print({ bus: { type: 'pigeon', speed: 7, loft: { size: 1 } } }, options)['bus']).toMatchObject({
      speed: 7,
      loft: { size: 1 },
    });
  });

  it.each([
    [{ secrets: 'open sesame 1' }],
    [{ secrets: ['old open sesame 1', 'new open sesame 1'] }],
    [{ bus: { url: 'amqp://me:open sesame 1@host/v' } }],
    [{ bus: { url: 'amqp://me:open/sesame?1#@host/v' } }],
    [{ bus: { url: ['amqp://a:open_sesame_1@one', 'amqps://b:p:open_sesame_1@two:5671/x?y=z'] } }],
    [{ bus: { password: 'open sesame 1' } }],
    [{ bus: { passphrase: 'open sesame 1' } }],
    [{ bus: { apiKey: 'open sesame 1' } }],
  ])('prints no secret of %j', (values) => {
    expect(JSON.stringify(print({ secrets: ['x'.repeat(8)], ...values }, options))).not.toMatch(/sesame/);
  });

  it('keeps the rest of a URL readable', () => {
    expect(print({ bus: { url: 'amqp://me:pw@host:5672/v' } }, options)['bus']).toMatchObject({
      url: 'amqp://me:[secret]@host:5672/v',
    });
  });
});
