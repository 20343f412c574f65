import { inspect } from 'node:util';

import { Backoff } from '@nephoscope/async';
import { asPlugin } from '@nephoscope/core';

import plugin, { BrokerUrl, amqpOptions } from '../src/index.js';
import { timeoutsOf } from '../src/timeouts.js';

describe('the options of the AMQP bus', () => {
  it('have defaults for all but the URL', () => {
    const { url, ...others } = amqpOptions.parse({ url: 'amqp://rabbit' });
    expect(url.map(String)).toEqual(['amqp://guest@rabbit:5672/%2F']);
    expect(others).toEqual({ tls: {}, heartbeat: 60 });
    expect(amqpOptions.safeParse({}).success).toBe(false);
  });

  it('read every part of a URL', () => {
    const broker = new BrokerUrl('amqps://us%3Aer:p%40ss%2Fword@[::1]:5679/meter%2Fing');
    expect(broker).toMatchObject({
      tls: true,
      hostname: '::1',
      port: 5679,
      username: 'us:er',
      vhost: 'meter/ing',
    });
    expect(broker.password.reveal()).toBe('p@ss/word');
    expect(new BrokerUrl('amqps://host/').port).toBe(5671);
  });

  it('do not print the password, be it parsed or malformed', () => {
    const parsed = amqpOptions.parse({ url: ['amqp://agent:s3cret@one/v', 'amqps://agent:s3cret@two'] });
    for (const printed of [
      JSON.stringify(parsed),
      inspect(parsed, { depth: 9, showHidden: true }),
      String(parsed.url),
    ]) {
      expect(printed).toMatch(/agent@one/);
      expect(printed).not.toMatch(/s3cret/);
    }
    for (const url of [
      'http://agent:s3cret@host',
      'amqp://agent:s3cret@host:port',
      'amqp://agent:s3cret%@host',
      'amqp://agent:s3cret@host/a/b',
      'amqp://agent:12/s3cret@host',
      's3cret',
      '',
    ]) {
      const { error } = amqpOptions.safeParse({ url });
      expect(error?.issues).toEqual([
        expect.objectContaining({ path: ['url'], message: expect.stringContaining('amqp://user:password@host') }),
      ]);
      expect(JSON.stringify(error)).not.toMatch(/s3cret/);
    }
  });

  it.each([
    [{ heartbeat: 0 }, /heartbeat/],
    [{ heartbeat: '11m' }, /from 1s to 10m/],
    [{ heartbeat: '1500ms' }, /whole seconds/],
    [{ tls: { certFile: 'a.pem' } }, /belong together/],
    [{ tls: { rejectUnauthorized: false } }, /rejectUnauthorized/],
    [{ hartbeat: 5 }, /hartbeat/],
    [{ url: 'amqp://host?heartbeat=5' }, /separate options/],
    [{ url: [] }, /url/],
  ])('refuse %j', (options, message) => {
    const { error } = amqpOptions.safeParse({ url: 'amqp://host', ...options });
    expect(JSON.stringify(error?.issues)).toMatch(message);
  });

  it('accept a heartbeat without a unit, as earlier versions did', () => {
    const heartbeats = [20, '20s', '2m'].map((heartbeat) => amqpOptions.parse({ url: 'amqp://host', heartbeat }));
    expect(heartbeats.map(({ heartbeat }) => heartbeat)).toEqual([20, 20, 120]);
  });

  it('limit the wait for the broker to the time after which a silent connection is closed', () => {
    expect([1, 2, 10, 60].map((heartbeat) => timeoutsOf(heartbeat))).toEqual([
      { connectTimeout: 2_000, confirmTimeout: 3_000 },
      { connectTimeout: 4_000, confirmTimeout: 6_000 },
      { connectTimeout: 10_000, confirmTimeout: 30_000 },
      { connectTimeout: 10_000, confirmTimeout: 30_000 },
    ]);
  });

  it('belong to a plugin for the namespace bus', () => {
    expect(asPlugin(plugin, 'bus', 'test').options).toBe(amqpOptions);
  });
});

describe('Backoff', () => {
  it('doubles up to its maximum, with random variation in the upper half, and starts again after a reset', () => {
    const backoff = new Backoff(100, 1_000);
    for (const whole of [100, 200, 400, 800, 1_000, 1_000]) {
      const pause = backoff.next();
      expect(pause).toBeGreaterThanOrEqual(whole / 2);
      expect(pause).toBeLessThanOrEqual(whole);
    }
    backoff.reset();
    expect(backoff.next()).toBeLessThanOrEqual(100);
  });
});

it('sends a password that reaches the broker encrypted to no unencrypted management API', () => {
  expect(amqpOptions.safeParse({ url: 'amqps://rabbit-1/', management: 'http://rabbit-1:15672/' }).success).toBe(
    false,
  );
  expect(amqpOptions.safeParse({ url: 'amqps://rabbit-1/', management: 'https://rabbit-1:15671/' }).success).toBe(
    true,
  );
  expect(amqpOptions.safeParse({ url: 'amqp://rabbit-1/', management: 'http://rabbit-1:15672/' }).success).toBe(
    true,
  );
});
