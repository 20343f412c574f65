import type { CloudHead } from '@nephoscope/core/pollster';
import { FakeCloud } from '@nephoscope/testing';

import objectstoreContainers from '../../src/pollsters/objectstore-containers.js';
import objectstore from '../../src/pollsters/objectstore.js';
import { account, alpha, beta, headed, recordedCloud, swift } from '../recordings.js';
import { brief, poll } from './poll.js';

const refused = (status: number) => Object.assign(new Error(`status ${status}`), { status });
const answer = (status: number, objects = '0', bytes = '0', containers = '0'): CloudHead => ({
  status,
  headers: {
    'x-account-object-count': objects,
    'x-account-bytes-used': bytes,
    'x-account-container-count': containers,
  },
});

describe('storage.objects', () => {
  it("are the proxy's figures for existing accounts, and nothing for others", async () => {
    const polled = await poll(objectstore, recordedCloud());
    expect(brief(polled)).toEqual(
      [
        `storage.objects ${alpha} 5 object`,
        `storage.objects.size ${alpha} 13077 B`,
        `storage.objects.containers ${alpha} 2 container`,
        `storage.objects ${beta} 2 object`,
        `storage.objects.size ${beta} 1077 B`,
        `storage.objects.containers ${beta} 2 container`,
      ].sort(),
    );
    expect(polled.counters[0]).toMatchObject({ projectId: polled.counters[0]!.resourceId, resourceMetadata: {} });
    // For the projects admin and service, whose accounts the proxy made up.
    expect(polled.missing).toHaveLength(6);
    expect(new Set(polled.missing.map(({ reason }) => reason.detail))).toEqual(
      new Set(['the project has no account in the object store']),
    );
  });

  const one = (head: CloudHead | Error) =>
    new FakeCloud({
      lists: { 'identity /v3/projects': [{ id: alpha }, { id: beta }] },
      heads: { [account(alpha)]: head, [account(beta)]: headed('swift.head-account.beta') },
      endpoints: { 'object-store': swift },
    });

  it('is 0 for an account that exists and is empty', async () => {
    expect(brief(await poll(objectstore, one(answer(204))))).toContain(`storage.objects ${alpha} 0 object`);
  });

  it('are accepted with any status of success', async () => {
    const counters = brief(await poll(objectstore, one(answer(200, '1', '18446744073709551615', '1'))));
    expect(counters).toContain(`storage.objects.size ${alpha} 18446744073709551615 B`);
  });

  it.each<[string, CloudHead | Error, 'off' | 'error', string]>([
    ['answered with 404', answer(404), 'off', 'no account'],
    ['refused with 404', refused(404), 'off', 'no account'],
    ['refused with 410', refused(410), 'off', 'no account'],
    ['refused with 403', refused(403), 'error', 'status 403: grant the user the role ResellerAdmin'],
    ['without a figure', { status: 204, headers: {} }, 'error', 'has no x-account-object-count'],
    ['with an invalid figure', answer(204, '1', 'many'), 'error', 'is not a number in x-account-bytes-used'],
  ])('an account that is %s affects only itself', async (_what, head, kind, says) => {
    const { counters, missing } = await poll(objectstore, one(head));
    expect(new Set(counters.map(({ projectId }) => projectId))).toEqual(new Set([beta]));
    expect(missing.map(({ meter, resourceId }) => `${meter} ${resourceId}`)).toEqual([
      `storage.objects ${alpha}`,
      `storage.objects.size ${alpha}`,
      `storage.objects.containers ${alpha}`,
    ]);
    for (const { reason } of missing) {
      expect(reason.missing).toBe(kind);
      expect(reason.detail).toContain(says);
    }
  });

  it.each([
    ['does not answer', new Error('connection refused')],
    ['fails', refused(503)],
    ['accepts no token', refused(401)],
  ])('a service that %s ends the poll', async (_what, error) => {
    await expect(poll(objectstore, one(error))).rejects.toBe(error);
  });

  it.each([
    ['http://swift:8080', 'http://swift:8080/v1'],
    ['http://swift:8080/v1', 'http://swift:8080/v1'],
    ['http://swift:8080/v1/AUTH_own', 'http://swift:8080/v1'],
    ['http://v1.example.org/swift/v1/AUTH_own', 'http://v1.example.org/swift/v1'],
    ['https://v1.example.org', 'https://v1.example.org/v1'],
  ])('finds accounts behind %s', async (endpoint, base) => {
    const cloud = new FakeCloud({
      lists: { 'identity /v3/projects': [{ id: alpha }] },
      heads: { [`object-store ${base}/AUTH_${alpha}`]: answer(204, '7') },
      endpoints: { 'object-store': endpoint },
    });
    expect(brief(await poll(objectstore, cloud))).toContain(`storage.objects ${alpha} 7 object`);
  });

  it('uses the configured prefix and interface', async () => {
    const cloud = new FakeCloud({
      lists: { 'identity /v3/projects': [{ id: alpha }] },
      heads: { [`object-store ${swift}/SERVICE_${alpha}`]: answer(204, '7') },
      endpoints: { 'object-store': swift },
    });
    const said = { resellerPrefix: 'SERVICE_', interface: 'public' } as const;
    expect(brief(await poll(objectstore, cloud, said))).toContain(`storage.objects ${alpha} 7 object`);
    expect(cloud.asked.at(-1)).toMatchObject({ service: { type: 'object-store', interface: 'public' } });
  });

  it('requests all accounts, at most 8 at a time', async () => {
    let now = 0;
    let most = 0;
    const projects = Array.from({ length: 50 }, (_, index) => ({ id: `project-${index}` }));
    const cloud = new FakeCloud({
      lists: { 'identity /v3/projects': projects },
      endpoints: { 'object-store': swift },
    });
    cloud.head = async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return answer(204, '1');
    };
    expect((await poll(objectstore, cloud)).counters).toHaveLength(150);
    expect(most).toBe(8);
  });

  it('a project without an id affects only itself', async () => {
    const cloud = recordedCloud({ lists: { 'identity /v3/projects': [{ name: 'odd' }, { id: alpha }] } });
    for (const plugin of [objectstore, objectstoreContainers]) {
      const { counters, missing } = await poll(plugin, cloud);
      expect(new Set(counters.map(({ projectId }) => projectId))).toEqual(new Set([alpha]));
      expect(missing.map(({ resourceId }) => resourceId)).toContain('a project without an id');
    }
  });
});

describe('storage.containers.objects', () => {
  it('is the number in the listing of each account', async () => {
    expect(brief(await poll(objectstoreContainers, recordedCloud()))).toEqual([
      `storage.containers.objects ${alpha}/docs 4 object`,
      `storage.containers.objects ${alpha}/logs 1 object`,
      `storage.containers.objects.size ${alpha}/docs 13000 B`,
      `storage.containers.objects.size ${alpha}/logs 77 B`,
    ]);
  });

  it('accepts names in any script, and an invalid container affects only itself', async () => {
    const cloud = recordedCloud({
      lists: {
        [account(alpha)]: [
          { name: 'Папка 📁', count: 1, bytes: 9_007_199_254_740_993n },
          { name: 'odd', bytes: 1 },
          { name: 'b', count: 2, bytes: 3 },
        ],
      },
    });
    const polled = await poll(objectstoreContainers, cloud);
    expect(brief(polled)).toEqual([
      `storage.containers.objects ${alpha}/b 2 object`,
      `storage.containers.objects ${alpha}/Папка 📁 1 object`,
      `storage.containers.objects.size ${alpha}/b 3 B`,
      `storage.containers.objects.size ${alpha}/Папка 📁 9007199254740993 B`,
    ]);
    expect(polled.missing.map(({ reason }) => reason.detail)).toEqual(
      Array(2).fill("the service lists one that has no 'count'"),
    );
  });

  it.each([
    [404, 'off'],
    [403, 'error'],
  ])(
    'yields missing figures if an account is refused with %d (%s), and those of the others',
    async (status, kind) => {
      const cloud = recordedCloud({ lists: { [account(beta)]: [refused(status)] } });
      const { counters, missing } = await poll(objectstoreContainers, cloud);
      expect(counters).toHaveLength(4);
      expect(missing.map(({ reason }) => reason.missing)).toEqual([kind, kind]);
    },
  );

  it('a service that fails ends the poll', async () => {
    const cloud = recordedCloud({ lists: { [account(beta)]: [refused(503)] } });
    await expect(poll(objectstoreContainers, cloud)).rejects.toThrow('503');
  });
});

describe('an object store that has no account at the configured path', () => {
  const ids = ['p-1', 'p-2', 'p-3'];
  const lists = { 'identity /v3/projects': ids.map((id) => ({ id })) };
  const gone = (id: string) => [account(id), refused(404)] as const;
  const cloudOf = (accounts: readonly (readonly [string, CloudHead | Error])[]) =>
    new FakeCloud({
      lists: {
        ...lists,
        ...Object.fromEntries(accounts.map(([key, head]) => [key, head instanceof Error ? [head] : []])),
      },
      heads: Object.fromEntries(accounts),
      endpoints: { 'object-store': swift },
    });

  it.each([
    ['storage.objects', objectstore],
    ['storage.containers.objects', objectstoreContainers],
  ])('is reported with advice (%s)', async (meter, plugin) => {
    const { counters, missing } = await poll(plugin, cloudOf(ids.map(gone)));
    expect(counters).toEqual([]);
    const told = missing.filter((figure) => figure.reason.missing === 'error');
    expect(told.map((figure) => figure.meter)).toContain(meter);
    expect(told[0]?.resourceId).toBe('all 3 projects');
    for (const word of ['404', `${swift}/AUTH_p-1`, 'resellerPrefix', 'AUTH_%(tenant_id)s'])
      expect(told[0]?.reason.detail).toContain(word);
  });

  it.each([
    ['has one there', answer(204, '1')],
    ['refuses one', refused(403)],
  ])('is not reported if it %s', async (_, other) => {
    const cloud = cloudOf([gone('p-1'), gone('p-2'), [account('p-3'), other]]);
    for (const plugin of [objectstore, objectstoreContainers]) {
      const { missing } = await poll(plugin, cloud);
      expect(missing.filter(({ resourceId }) => resourceId.startsWith('all '))).toEqual([]);
    }
  });
});
