import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';

import { describeError } from '@nephoscope/core';
import type { MessageBus } from '@nephoscope/core/message-bus';

import { createBus, newTopology, remove, sample, sharedBroker, tcpProxy, until } from './support.js';
import type { LogEntry } from './support.js';

const url = new URL(sharedBroker());
const password = 's3cr3t-%2F-word';

function at(change: (url: URL) => void): string {
  const changed = new URL(url);
  changed.password = password;
  change(changed);
  return changed.href;
}

describe('starting the AMQP bus', () => {
  let bus: MessageBus | undefined;
  afterEach(() => bus?.stop());

  async function failure(
    brokers: string | string[],
    signal = AbortSignal.timeout(20_000),
    options = {},
  ): Promise<Error & { code: string }> {
    const log: LogEntry[] = [];
    bus = createBus({ url: brokers, ...options }, log);
    const error = await bus.start(signal).then(
      () => Promise.reject(new Error('it started')),
      (thrown: unknown) => thrown as Error & { code: string },
    );
    // However it is printed, it does not contain the password.
    const printed = [
      inspect(error, { depth: 9 }),
      describeError(error),
      JSON.stringify(error),
      inspect(log, { depth: 9 }),
      JSON.stringify(bus.health()),
    ];
    for (const text of printed) expect(text).not.toMatch(/s3cr3t/);
    return error;
  }

  it('reports a wrong user or password immediately', async () => {
    const error = await failure(at(() => undefined));
    expect(error).toMatchObject({
      code: 'BUS_REFUSED',
      message: expect.stringMatching(/amqp:\/\/guest@127.*wrong user or password/),
    });
  });

  it('reports a missing virtual host immediately', async () => {
    const error = await failure(
      at((broker) => {
        broker.password = url.password;
        broker.pathname = '/no-such-vhost';
      }),
    );
    expect(error).toMatchObject({
      code: 'BUS_REFUSED',
      message: expect.stringMatching(/virtual host 'no-such-vhost'.*add_vhost/),
    });
  });

  it('retries while there is no broker, and throws the last failure when it is aborted', async () => {
    const error = await failure(
      at((broker) => (broker.port = '1')),
      AbortSignal.timeout(1_000),
    );
    expect(error).toMatchObject({
      code: 'BUS_UNAVAILABLE',
      message: expect.stringMatching(/gave up.*@127.0.0.1:1\/.*is RabbitMQ running\?/),
    });
    expect(error.cause).toMatchObject({ name: 'TimeoutError' });
  });

  it('reports an unknown host name', async () => {
    const error = await failure(
      at((broker) => (broker.hostname = 'no-such-host.invalid')),
      AbortSignal.timeout(1_000),
    );
    expect(error.message).toMatch(/'no-such-host.invalid' cannot be resolved/);
  });

  it('reports a port that does not use TLS', async () => {
    const secure = at(() => undefined).replace('amqp:', 'amqps:');
    expect(await failure(secure, AbortSignal.timeout(5_000))).toMatchObject({
      code: expect.stringMatching(/BUS_TLS|BUS_UNAVAILABLE/),
      message: expect.stringMatching(/TLS/),
    });
  });

  it('reports a TLS file that cannot be read', async () => {
    const secure = at(() => undefined).replace('amqp:', 'amqps:');
    expect(await failure(secure, undefined, { tls: { caFile: '/no/such/ca.pem' } })).toMatchObject({
      code: 'BUS_TLS',
      message: expect.stringMatching(/no\/such\/ca.pem/),
    });
  });

  it('gives up on a port that never answers', async () => {
    const silent = createServer((client) => client.resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    try {
      const port = String((silent.address() as AddressInfo).port);
      const error = await failure(
        at((broker) => (broker.port = port)),
        AbortSignal.timeout(1_500),
        { connectTimeout: 300 },
      );
      expect(error.message).toMatch(/no answer within 0.3 s/);
    } finally {
      await new Promise((resolve) => silent.close(resolve));
    }
  });

  it('is ended by stop()', async () => {
    bus = createBus({ url: at((broker) => (broker.port = '1')) });
    const started = bus.start(AbortSignal.timeout(20_000));
    started.catch(() => undefined);
    await bus.stop();
    await expect(started).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
    await expect(bus.start(AbortSignal.timeout(1_000))).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
  });

  it('uses the next node when one is unavailable', async () => {
    bus = createBus({ url: [at((broker) => (broker.port = '1')), url.href] });
    await bus.start(AbortSignal.timeout(10_000));
    expect(bus.health()).toEqual({ ok: true });
  });

  it('waits for a broker that starts later, and reports it meanwhile', async () => {
    const proxy = await tcpProxy(Number(url.port));
    await proxy.close();
    const log: LogEntry[] = [];
    const topology = newTopology();
    bus = createBus(
      {
        url: at((broker) => {
          broker.password = url.password;
          broker.port = String(proxy.port);
        }),
      },
      log,
    );
    await bus.declare(topology);
    const started = bus.start(AbortSignal.timeout(20_000));
    await until('a warning', () =>
      log.some(({ level, message }) => level === 'warn' && message === 'no connection to RabbitMQ'),
    );
    expect(bus.health()).toMatchObject({ ok: false, reason: expect.stringMatching(/is RabbitMQ running/) });
    await expect(bus.publish(sample(topology))).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
    const late = await tcpProxy(Number(url.port), proxy.port);
    await started;
    await bus.publish(sample(topology));
    await bus.stop();
    await late.close();
    await remove(url.href, topology);
  });
});
