import type { Metadata, Plugin } from '@nephoscope/core';
import type { CentralPollster } from '@nephoscope/core/pollster';
import { FakeCloud, fakeStart } from '@nephoscope/testing';

import image from '../../src/pollsters/image.js';
import imageSize from '../../src/pollsters/image-size.js';
import floatingip from '../../src/pollsters/network-floatingip.js';
import network from '../../src/pollsters/network.js';
import port from '../../src/pollsters/port.js';
import router from '../../src/pollsters/router.js';
import volumeBackupSize from '../../src/pollsters/volume-backup-size.js';
import volumeSize from '../../src/pollsters/volume-size.js';
import volumeSnapshotSize from '../../src/pollsters/volume-snapshot-size.js';
import { alpha, beta, listed, recordedCloud } from '../recordings.js';
import { brief, poll } from './poll.js';

describe('a recorded listing yields', () => {
  it('image: 1 for each', async () => {
    const polled = await poll(image, recordedCloud());
    const ids = listed('glance.images', 'images').map(({ id }) => id as string);
    expect(ids).toHaveLength(6);
    expect(brief(polled)).toEqual(ids.map((id) => `image ${id} 1 image`).sort());
    expect(polled.counters[0]).toEqual({
      name: 'image',
      type: 'gauge',
      unit: 'image',
      volume: 1,
      userId: null,
      projectId: alpha,
      resourceId: '87dbbd17-9547-461a-b4d1-da7992f589da',
      timestamp: fakeStart,
      resourceMetadata: {
        name: 'lab-page-3',
        status: 'active',
        visibility: 'shared',
        size: 1003,
        virtual_size: 1003,
        disk_format: 'raw',
        container_format: 'bare',
        min_disk: 0,
        min_ram: 0,
        protected: false,
        checksum: '5765823b9d9dbb505b4d7c4535b36eca',
        tags: [],
        created_at: '2026-11-22T21:51:00Z',
        updated_at: '2026-11-22T21:51:00Z',
        properties: {
          'owner_specified.openstack.md5': '',
          'owner_specified.openstack.sha256': '',
          'owner_specified.openstack.object': 'images/lab-page-3',
        },
      },
    });
  });

  it('image.size in bytes', async () => {
    const polled = await poll(imageSize, recordedCloud());
    expect(polled.counters.map(({ volume }) => volume)).toEqual([1003, 1004, 1001, 1002, 1000, 1048576]);
    expect(new Set(polled.counters.map(({ name, unit }) => `${name} ${unit}`))).toEqual(new Set(['image.size B']));
  });

  it('ip.floating: 1 for each, attached or not', async () => {
    const { counters } = await poll(floatingip, recordedCloud());
    expect(counters.map(({ volume, unit, projectId }) => [volume, unit, projectId])).toEqual([
      [1, 'ip', alpha],
      [1, 'ip', alpha],
    ]);
    expect(counters[1]).toMatchObject({
      resourceId: '71058d63-e12b-4925-8cd4-606f64ca5016',
      resourceMetadata: {
        status: 'ACTIVE',
        floating_ip_address: '198.51.100.138',
        floating_network_id: '70324129-ced0-40e9-8a0a-cf2527aaa8fa',
        router_id: '6d52bdc8-70cd-4447-be28-734f5c7c25da',
        port_id: 'c719dab1-e56b-46c4-911a-27f6da7d192e',
        fixed_ip_address: '10.77.0.41',
      },
    });
  });

  it.each<[string, Plugin<'poll.central', Record<string, never>, CentralPollster>, string]>([
    ['network', network, 'neutron.networks'],
    ['port', port, 'neutron.ports'],
    ['router', router, 'neutron.routers'],
  ])('%s: 1 for each', async (name, plugin, file) => {
    const items = listed(file, `${name}s`);
    expect(items.length).toBeGreaterThan(0);
    expect(brief(await poll(plugin, recordedCloud()))).toEqual(
      items.map(({ id }) => `${name} ${id as string} 1 ${name}`).sort(),
    );
  });

  it('a port that neutron created for itself has no owner', async () => {
    const { counters } = await poll(port, recordedCloud());
    const owners = listed('neutron.ports', 'ports').map(({ project_id }) => project_id || null);
    expect(owners).toContain(null);
    expect(counters.map(({ projectId }) => projectId)).toEqual(owners);
  });

  it('volume.size and volume.snapshot.size in GB, with project and user', async () => {
    const volumes = await poll(volumeSize, recordedCloud());
    expect(volumes.counters.map(({ volume, unit, projectId }) => [volume, unit, projectId])).toEqual([
      [5, 'GB', beta],
      [3, 'GB', alpha],
    ]);
    expect(volumes.counters[0]).toMatchObject({
      userId: 'ea65fc1a9516441e9ed6afe746fe320c',
      resourceMetadata: {
        name: 'beta-vol',
        status: 'available',
        volume_type: 'lab',
        instance_id: null,
        image_id: null,
      },
    });
    const snapshots = await poll(volumeSnapshotSize, recordedCloud());
    expect(snapshots.counters[0]).toMatchObject({
      ...{ name: 'volume.snapshot.size', volume: 3, unit: 'GB', projectId: alpha, userId: null },
      resourceMetadata: { volume_id: 'bb8876b1-356c-46a6-aca1-69ec6729980d', name: 'alpha-snap' },
    });
    expect((await poll(volumeBackupSize, recordedCloud())).counters).toEqual([]);
  });
});

describe('a listing of any cloud', () => {
  const images = (...items: Metadata[]) => new FakeCloud({ lists: { 'image /v2/images': items } });
  const volumes = (...items: Metadata[]) => new FakeCloud({ lists: { 'volumev3 /v3/volumes/detail': items } });

  it('an invalid time of an image is missing, and its own properties are kept', async () => {
    const { counters, warned } = await poll(
      image,
      images(
        { id: 'i-1', created_at: 'not a time', updated_at: '2026-11-22T21:51:00Z', deleted_at: 'of the owner' },
        { id: 'i-2', created_at: 'None', updated_at: 5 },
      ),
    );
    expect(counters.map(({ resourceMetadata }) => resourceMetadata)).toMatchObject([
      { created_at: null, updated_at: '2026-11-22T21:51:00Z', properties: { deleted_at: 'of the owner' } },
      { created_at: null, updated_at: null },
    ]);
    expect(warned).toEqual([
      "glance lists an image with an invalid time in 'created_at': the field is left out",
      "glance lists an image with an invalid time in 'updated_at': the field is left out",
    ]);
  });

  it('requests all projects, in pages, from the configured endpoint', async () => {
    const cloud = recordedCloud();
    await poll(volumeSize, cloud);
    await poll(image, cloud);
    await poll(image, cloud, { interface: 'public' });
    expect(cloud.asked).toEqual([
      {
        service: { type: 'volumev3' },
        path: '/v3/volumes/detail',
        key: 'volumes',
        query: { all_tenants: '1', limit: '1000' },
      },
      ...[undefined, 'public'].flatMap((name) =>
        [{}, { os_hidden: 'true' }].map((hidden) => ({
          service: { type: 'image', interface: name, usualInterface: 'internal' },
          path: '/v2/images',
          key: 'images',
          query: { visibility: 'all', ...hidden, limit: '1000' },
        })),
      ),
    ]);
  });

  it('keeps names in any script', async () => {
    const name = 'Ünïcode-Образ-图像-صورة-🐧';
    const { counters } = await poll(image, images({ id: 'image-1', name, owner: alpha, свойство: '值' }));
    expect(counters[0]!.resourceMetadata).toMatchObject({ name, properties: { свойство: '值' } });
  });

  it('yields no size for an image without data, but its existence', async () => {
    const cloud = images({ id: 'queued', size: null, owner: alpha }, { id: 'active', size: 0, owner: alpha });
    expect(brief(await poll(image, cloud))).toHaveLength(2);
    const { counters, missing } = await poll(imageSize, cloud);
    expect(counters.map(({ resourceId, volume }) => [resourceId, volume])).toEqual([['active', 0]]);
    expect(missing).toEqual([
      {
        meter: 'image.size',
        resourceId: 'queued',
        reason: { missing: 'off', detail: 'nothing was uploaded to it yet' },
      },
    ]);
  });

  it('keeps all digits of a size beyond 2^53', async () => {
    const { counters } = await poll(imageSize, images({ id: 'huge', size: 9_007_199_254_740_993n }));
    expect(counters[0]!.volume).toBe(9_007_199_254_740_993n);
  });

  it('the location of an image is not published', async () => {
    const { counters } = await poll(
      image,
      images({ id: 'image-1', direct_url: 'swift+http://user:password@host/x', locations: [{ url: 'password' }] }),
    );
    expect(JSON.stringify(counters[0]!.resourceMetadata)).not.toContain('password');
  });

  it.each<[string, Metadata, string]>([
    ['has no id', { size: 1 }, "has no 'id'"],
    ['has an empty id', { id: '', size: 1 }, "has no 'id'"],
    ['has an id that is not a string', { id: 7, size: 1 }, "has a 'id' that is not a string"],
    ['has no size', { id: 'bad' }, "has no 'size'"],
    ['has a string as its size', { id: 'bad', size: '5' }, "has a 'size' that is not a whole number"],
    ['has a negative size', { id: 'bad', size: -1 }, "has a 'size' that is not a whole number"],
    [
      'has an owner that is not a string',
      { id: 'bad', size: 1, 'os-vol-tenant-attr:tenant_id': ['x'] },
      "has a 'os-vol-tenant-attr:tenant_id' that is not a string",
    ],
  ])('one that %s affects only itself', async (_what, bad, says) => {
    const { counters, missing } = await poll(
      volumeSize,
      volumes({ id: 'before', size: 1 }, bad, { id: 'behind', size: 2 }),
    );
    expect(counters.map(({ resourceId }) => resourceId)).toEqual(['before', 'behind']);
    expect(missing).toHaveLength(1);
    expect(missing[0]).toMatchObject({ meter: 'volume.size', reason: { missing: 'error' } });
    expect(missing[0]!.reason.detail).toContain(says);
  });

  it('yields the server and the image of a volume, wherever they are in its fields', async () => {
    const { counters } = await poll(
      volumeSize,
      volumes(
        {
          id: 'a',
          size: 1,
          attachments: [{ server_id: 'server-1' }],
          volume_image_metadata: { image_id: 'image-1' },
        },
        { id: 'b', size: 1, attachments: 'odd', volume_image_metadata: ['odd'] },
      ),
    );
    expect(counters.map(({ resourceMetadata: { instance_id, image_id } }) => [instance_id, image_id])).toEqual([
      ['server-1', 'image-1'],
      [null, null],
    ]);
  });

  it('makes the poll fail if it fails, after the items before', async () => {
    const cloud = new FakeCloud({
      lists: { 'image /v2/images': [{ id: 'one' }, new Error('glance: GET …, status 503')] },
    });
    await expect(poll(image, cloud)).rejects.toThrow('status 503');
  });
});

describe('images of every kind', () => {
  const all = [
    { id: 'private', visibility: 'private', os_hidden: false },
    { id: 'hidden', visibility: 'private', os_hidden: true },
    { id: 'community', visibility: 'community', os_hidden: false },
    { id: 'hidden-community', visibility: 'community', os_hidden: true },
    { id: 'public', visibility: 'public', os_hidden: false },
    { id: 'hidden-public', visibility: 'public', os_hidden: true },
  ].map((one) => ({ ...one, size: 1, owner: alpha }));
  const refused = Object.assign(new Error('Invalid visibility value'), { status: 400 });

  /** A glance that lists as for an administrator, and supports these filters. */
  function glance(knows: {
    readonly all: boolean;
    readonly hidden: 'yes' | 'no' | 'refused';
    readonly community?: false;
  }) {
    const cloud = new FakeCloud();
    cloud.list = async function* ({ query = {} }) {
      const { visibility, os_hidden: hidden } = query;
      await Promise.resolve();
      if ((visibility === 'all' && !knows.all) || (visibility === 'community' && knows.community === false))
        throw refused;
      if (hidden !== undefined && knows.hidden === 'refused') throw refused;
      for (const one of all) {
        if (knows.hidden === 'yes' && one.os_hidden !== (hidden === 'true')) continue;
        if (knows.hidden !== 'yes' && one.os_hidden) continue;
        if (
          visibility === undefined
            ? one.visibility === 'community'
            : visibility !== 'all' && visibility !== one.visibility
        )
          continue;
        yield one;
      }
    };
    return cloud;
  }
  const found = async (cloud: FakeCloud) => {
    const [exist, sizes] = [await poll(image, cloud), await poll(imageSize, cloud)];
    const ids = exist.counters.map(({ resourceId }) => resourceId);
    expect(sizes.counters.map(({ resourceId }) => resourceId)).toEqual(ids);
    return ids;
  };
  const shown = ['private', 'community', 'public'];

  it('are listed once each, including hidden and community ones', async () => {
    const ids = await found(glance({ all: true, hidden: 'yes' }));
    expect(ids.sort()).toEqual(all.map(({ id }) => id).sort());
  });

  it.each([
    ['visibility=all', { all: false, hidden: 'yes' }, all.map(({ id }) => id)],
    ['os_hidden', { all: true, hidden: 'refused' }, shown],
    ['os_hidden, which it lists all for', { all: true, hidden: 'no' }, shown],
    ['either', { all: false, hidden: 'refused' }, shown],
    ['any visibility of community', { all: false, hidden: 'refused', community: false }, ['private', 'public']],
  ] as const)('are those that an old glance returns that does not support %s', async (_, knows, ids) => {
    expect((await found(glance(knows))).sort()).toEqual([...ids].sort());
  });

  it('make the poll fail if the plain listing is refused', async () => {
    const cloud = new FakeCloud();
    // oxlint-disable-next-line require-yield
    cloud.list = async function* () {
      await Promise.resolve();
      throw refused;
    };
    await expect(poll(image, cloud)).rejects.toBe(refused);
  });
});
