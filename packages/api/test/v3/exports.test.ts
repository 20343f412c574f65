import { createHash } from 'node:crypto';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { NephoscopeError } from '@nephoscope/core';
import type { Sample, SampleReader } from '@nephoscope/core/sample-store';

import { serve, signed } from './serve.js';
import type { Served } from './serve.js';

const sample = signed(1);
const servers: Served[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((one) => one.close()));
});

/** Serves what a reader gives when it is asked for samples. */
async function serving(
  samples: (signal: AbortSignal) => AsyncIterable<Sample>,
  stalledAfter?: number,
): Promise<Served> {
  const nothing = () => Promise.resolve();
  const reader = {
    ...{ start: nothing, stop: nothing, health: () => ({ ok: true }) },
    samples: (_: unknown, signal: AbortSignal) => samples(signal),
  } as unknown as SampleReader;
  const served = await serve(reader, stalledAfter === undefined ? {} : { stalledAfter });
  servers.push(served);
  return served;
}

async function* many(count: number, then?: () => void): AsyncGenerator<Sample> {
  for (let at = 0; at < count; at += 1) {
    if (at % 1_000 === 0) await new Promise(setImmediate);
    yield sample;
  }
  then?.();
}

const away = () => {
  throw new NephoscopeError('STORE_UNAVAILABLE', 'gone, at /secret/path');
};

describe.each(['text/csv', 'application/x-ndjson'])('%s', (accept) => {
  it.each(['identity', 'gzip', 'br'])(
    '%s: a database that goes away in the middle leaves no end',
    async (coding) => {
      const { url, logger } = await serving(() => many(60_000, away));
      const response = await fetch(`${url}/v3/samples`, { headers: { accept, 'accept-encoding': coding } });
      expect(logger.entries.every(({ level }) => level === 'warn')).toBe(true);
      if (response.status === 200) return await expect(response.text()).rejects.toThrow();
      // What is compressed may not have begun yet.
      expect([coding, response.status, response.headers.get('content-encoding')]).toEqual(['br', 503, null]);
      expect(await response.json()).toMatchObject({ status: 503 });
    },
  );

  it('a database that goes away at once is an error', async () => {
    const { url } = await serving(() => many(10, away));
    const response = await fetch(`${url}/v3/samples`, { headers: { accept } });
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await response.text()).not.toContain('secret');
  });

  it('is made as it is taken, and ends what is read when the client goes', async () => {
    let made = 0;
    let ended = false;
    const { url } = await serving(async function* () {
      try {
        for (; ; made += 1) {
          if (made % 1_000 === 0) await new Promise(setImmediate);
          yield sample;
        }
      } finally {
        ended = true;
      }
    });
    const response = await paused(`${url}/v3/samples`, accept);
    let before = -1;
    while (made !== before) {
      before = made;
      await sleep(300);
    }
    // 4 MiB, and what the buffers of the connection hold.
    expect(made).toBeGreaterThan(2_000);
    expect(made).toBeLessThan(400_000);
    response.destroy();
    while (!ended) await sleep(20);
  });

  it('a client that takes nothing for too long is ended', async () => {
    let ended = false;
    const { url, logger } = await serving(async function* () {
      try {
        yield* many(Number.POSITIVE_INFINITY);
      } finally {
        ended = true;
      }
    }, 500);
    await paused(`${url}/v3/samples`, accept);
    while (!ended) await sleep(20);
    expect(logger.entries.map(({ message }) => message)).toContain(
      'a client took nothing of its reply for too long, and was ended',
    );
  });
});

it('a client that is slow, and one that waits, are let be', async () => {
  const { url } = await serving(async function* () {
    await sleep(900);
    yield* many(30_000);
  }, 300);
  const response = await paused(`${url}/v3/samples`, 'text/csv');
  const hash = createHash('sha256');
  let bytes = Buffer.alloc(0);
  for await (const part of response) {
    bytes = Buffer.concat([bytes, part as Buffer]);
    if (bytes.length % 7 === 0) await sleep(20);
  }
  const end = bytes.lastIndexOf('#end');
  hash.update(bytes.subarray(0, end));
  expect(bytes.subarray(end).toString()).toBe(`#end,count=30000,sha256=${hash.digest('hex')}\n`);
}, 60_000);

async function paused(url: string, accept: string): Promise<IncomingMessage> {
  const asked = request(url, { headers: { accept } }).end();
  const response = await new Promise<IncomingMessage>((resolve) => asked.on('response', resolve));
  response.on('error', () => undefined);
  response.pause();
  return response;
}
