import { NephoscopeError, describeError } from '@nephoscope/core';
import { FakeBus } from '@nephoscope/testing';

import { withBus } from '../src/open-bus.js';

type Configured = Parameters<typeof withBus>[0];

/** A configured bus whose start fails. */
function failing(error: Error): Configured {
  const bus = new FakeBus();
  bus.start = () => Promise.reject(error);
  const active = { declared: { namespace: 'bus' }, plugin: { create: () => bus }, options: {} };
  return { config: { bus: { type: 'amqp' }, host: 'tests' }, chosen: { bus: active } } as unknown as Configured;
}

it('says in one sentence that a bus was not reached, and why', async () => {
  const cause = new Error('connect ECONNREFUSED 127.0.0.1:5672');
  const why = 'gave up connecting: amqp://rabbit-1:5672: connection refused: is RabbitMQ running?';
  const opened = withBus(
    failing(new NephoscopeError('BUS_UNAVAILABLE', why, { cause })),
    '',
    new AbortController().signal,
    () => Promise.resolve(),
  );
  expect(describeError(await opened.catch((error: unknown) => error))).toBe(
    'nothing was done, because the bus was not reached within 20 s (amqp://rabbit-1:5672: connection refused: is RabbitMQ running?)',
  );
});

it('passes on what a broker refuses', async () => {
  const refused = new NephoscopeError('BUS_REFUSED', 'wrong password');
  const opened = withBus(failing(refused), '', new AbortController().signal, () => Promise.resolve());
  await expect(opened).rejects.toBe(refused);
});
