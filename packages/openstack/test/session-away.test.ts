import type { ServerResponse } from 'node:http';

import { createSession } from '../src/index.js';
import type { Session } from '../src/index.js';

import { cloud, connect, glance, images, signal } from './connected.js';
import { hangs, resets, says } from './fake-cloud.js';
import { configOf, failureOf, pagesOf } from './support.js';

const ignore = () => undefined;

describe('an unavailable service', () => {
  it.each([429, 502, 503, 504])('is asked again with growing pauses (%i)', async (status) => {
    const { session, pauses } = await connect(glance);
    cloud.interrupt('GET /v2/images?limit=3', says(status, ''), says(status, ''));
    expect(await pagesOf(session, images)).toHaveLength(2);
    expect(pauses).toHaveLength(2);
    expect(pauses[1]).toBeGreaterThan(pauses[0] ?? Infinity);
  });

  it('is asked again at the time that it names', async () => {
    const { session, pauses } = await connect(glance);
    cloud.interrupt('GET /v2/images?limit=3', says(503, '', { 'retry-after': '4' }));
    // By its own clock, which is 40 years behind.
    const date = 'Wed, 26 Nov 1986 10:00:00 GMT';
    const asks = (time: string) => says(429, '', { date, 'retry-after': `Wed, 26 Nov 1986 ${time} GMT` });
    cloud.interrupt('GET /v2/images?limit=3', asks('10:00:03'), asks('09:59:00'));
    expect(await pagesOf(session, images)).toHaveLength(2);
    expect(pauses).toEqual([4_000, 3_000, 0]);
  });

  it('is not asked again if it requests a longer pause than a cycle has', async () => {
    const { session, pauses } = await connect(glance);
    cloud.interrupt('GET /v2/images?limit=3', says(503, '', { 'retry-after': '3600' }));
    const error = await failureOf(pagesOf(session, images));
    expect(error).toMatchObject({ code: 'OPENSTACK_UNAVAILABLE', status: 503 });
    expect(String(error)).toContain('3600 s');
    expect(pauses).toEqual([]);
  });

  it.each([
    ['it answers 503', says(503, '')],
    ['it resets the connection', resets],
  ])('is given up when the time limit is over while %s, and used again later', async (_, answer) => {
    const { session, pauses } = await connect(glance, {}, 10_000);
    cloud.interrupt('GET /v2/images?limit=3', ...Array.from({ length: 100 }, () => answer));
    const error = await failureOf(pagesOf(session, images));
    expect(error).toMatchObject({ code: 'OPENSTACK_UNAVAILABLE' });
    expect(pauses.reduce((sum, pause) => sum + pause, 0)).toBeCloseTo(10_000);
    cloud.uninterrupt();
    expect(await pagesOf(session, images)).toHaveLength(2);
  });

  it('is retried as long as the session allows, with pauses of up to about 15 s, and logged once', async () => {
    const { session, pauses, logged } = await connect(glance, {}, 300_000);
    // Two minutes without keystone.
    const away = Array.from({ length: 12 }, (__, index) => (index % 2 === 0 ? says(503, '') : resets));
    cloud.interrupt('POST /v3/auth/tokens', ...away);
    expect(await pagesOf(session, images)).toHaveLength(2);
    expect(pauses).toHaveLength(12);
    expect(pauses.reduce((sum, pause) => sum + pause, 0)).toBeGreaterThan(75_000);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(15_000 * 1.25);
    expect(logged.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({
        message: expect.stringMatching(/the service identity does not answer at .*for up to 300 s/) as string,
      }),
    ]);
    expect(logged.map(({ message }) => message)).toContain('the service identity answers again');
    expect(session.away()).toEqual([]);
  });

  it('is named while it is unavailable', async () => {
    const { session } = await connect(glance, {}, 10_000);
    expect(session.away()).toEqual([]);
    cloud.interrupt('POST /v3/auth/tokens', ...Array.from({ length: 100 }, () => says(503, '')));
    await failureOf(pagesOf(session, images));
    expect(session.away()).toEqual(['keystone: status 503']);
    cloud.uninterrupt();
    await pagesOf(session, images);
    expect(session.away()).toEqual([]);
  });

  it('is asked again if it does not answer in time', async () => {
    const { session } = await connect(glance, { timeout: 200 }, 20_000);
    cloud.interrupt('POST /v3/auth/tokens', hangs);
    cloud.interrupt('GET /v2/images?limit=3', hangs);
    expect(await pagesOf(session, images)).toHaveLength(2);
  });

  it('is retried for a token no longer than the caller waits for it', async () => {
    const { session } = await connect(glance, {}, 300_000);
    const stop = new AbortController();
    cloud.interrupt('POST /v3/auth/tokens', () => stop.abort(new Error('the cycle is over')));
    expect(await failureOf(pagesOf(session, images, stop.signal))).toBe(stop.signal.reason);
    // The next caller does not wait for the hanging login.
    expect(await pagesOf(session, images)).toHaveLength(2);
  });

  it('is asked again if it resets the connection, even during a response', async () => {
    const { session } = await connect(glance);
    cloud.interrupt('POST /v3/auth/tokens', resets);
    cloud.interrupt('GET /v2/images?limit=3', resets, (_request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"images": [', () => response.socket?.resetAndDestroy());
    });
    expect(await pagesOf(session, images)).toHaveLength(2);
  });

  it('where nothing listens causes an error with that cause', async () => {
    const { session } = await connect([]);
    await cloud.stop();
    const error = await failureOf(session.endpoint({ type: 'image' }, signal));
    expect(error).toMatchObject({
      code: 'OPENSTACK_UNAVAILABLE',
      service: 'identity',
      status: undefined,
      cause: { code: 'ECONNREFUSED' },
    });
  });

  it.each([
    ['the beginning of a response', hangs],
    ['its end', (_request: unknown, response: ServerResponse) => void response.writeHead(200).write('{')],
  ])('fails in time if %s never arrives', async (_, interruption) => {
    const { session } = await connect(glance, { timeout: 300 }, 0);
    await session.endpoint({ type: 'image' }, signal);
    cloud.interrupt('GET /v2/images?limit=3', interruption);
    const error = await failureOf(pagesOf(session, images));
    expect(error).toMatchObject({ code: 'OPENSTACK_UNAVAILABLE', service: 'image' });
    expect(String(error)).toContain('within 0.3 s');
    expect(await pagesOf(session, images)).toHaveLength(2);
  });

  it.each(['POST /v3/auth/tokens', 'GET /v2/images?limit=3'])('ends with the signal during %s', async (line) => {
    const { session } = await connect(glance);
    const stop = new AbortController();
    const reason = new Error('the cycle is over');
    cloud.interrupt(line, () => stop.abort(reason));
    expect(await failureOf(pagesOf(session, images, stop.signal))).toBe(reason);
    expect(await failureOf(pagesOf(session, images, stop.signal))).toBe(reason);
  });

  it('does not delay others that wait for the same login', async () => {
    const { session } = await connect(glance);
    const stop = new AbortController();
    let release = () => undefined as void;
    cloud.interrupt('POST /v3/auth/tokens', (_request, response) => {
      release = () => says(503, '')(_request, response);
      stop.abort(new Error('enough'));
    });
    const [first, other] = [failureOf(pagesOf(session, images, stop.signal)), pagesOf(session, images)];
    expect(await first).toBe(stop.signal.reason);
    release();
    expect(await other).toHaveLength(2);
  });

  it('is not waited for if the session or the signal ends meanwhile', async () => {
    const { session: other } = await connect(glance);
    cloud.interrupt('GET /v2/images?limit=3', says(503, ''), says(503, ''));
    const pausing = (end: () => void) =>
      createSession(configOf(cloud), {
        logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
        sleep: (_ms, until) =>
          new Promise((_, reject) => {
            until.addEventListener('abort', () => reject(new Error('woken')));
            end();
          }),
      });
    const stop = new AbortController();
    const stopped = pausing(() => stop.abort(new Error('enough')));
    expect(await failureOf(pagesOf(stopped, images, stop.signal))).toBe(stop.signal.reason);
    await stopped.close();
    const closed: Session = pausing(() => void closed.close());
    expect(await failureOf(pagesOf(closed, images))).toMatchObject({ code: 'OPENSTACK_UNAVAILABLE' });
    await other.close();
  });

  it('ends with the session', async () => {
    const { session } = await connect(glance);
    cloud.interrupt('GET /v2/images?limit=3', () => void session.close());
    expect(await failureOf(pagesOf(session, images))).toMatchObject({ code: 'OPENSTACK_UNAVAILABLE' });
    await session.close();
    expect(await failureOf(pagesOf(session, images))).toMatchObject({ code: 'OPENSTACK_UNAVAILABLE' });
  });
});
