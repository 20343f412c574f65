import type { Metadata } from '@nephoscope/core';
import { counterLine, exampleNotification } from '@nephoscope/testing';

import { capture, captureNames } from './captures.js';
import { count } from './count.js';

const image = 'ddb16851-684e-4eea-b408-47baacd0bb12 of 909c4662f43441bcb7e3bece767e7d73 by null';

/** The expected counters of each recorded notification. */
const expected: Readonly<Record<string, readonly string[]>> = {
  'glance.image.activate': [],
  'glance.image.create': [],
  'glance.image.delete': [
    `image gauge 1 image, ${image}`,
    `image.delete delta 1 image, ${image}`,
    `image.size gauge 1048576 B, ${image}`,
  ],
  'glance.image.member.create': [],
  'glance.image.prepare': [],
  'glance.image.send': [
    'image.download delta 1048576 B, d9392138-b64c-4f17-9e05-72b3a9f6310c of 909c4662f43441bcb7e3bece767e7d73 by c70bb536733a4dea97df02c5456070fd',
    'image.serve delta 1048576 B, d9392138-b64c-4f17-9e05-72b3a9f6310c of a181d71807a84f1692b79cc7c67a9766 by null',
  ],
  // Before the upload: no size yet.
  'glance.image.update': [`image gauge 1 image, ${image}`, `image.update delta 1 image, ${image}`],
  'glance.image.upload': [
    `image gauge 1 image, ${image}`,
    `image.size gauge 1048576 B, ${image}`,
    `image.upload delta 1 image, ${image}`,
  ],
};

it('covers every recorded notification', () => {
  expect(captureNames).toEqual(Object.keys(expected).sort());
});

it.each(Object.entries(expected))('%s', (name, lines) => {
  expect(count(capture(name)).map(counterLine).sort()).toEqual(lines);
});

it('has the time and the metadata of the notification', () => {
  const counters = count(capture('glance.image.delete'));
  expect(counters).toHaveLength(3);
  for (const { timestamp, resourceMetadata } of counters) {
    expect(timestamp).toBe(1_795_384_258_997_153_000n);
    expect(resourceMetadata).toEqual({
      name: 'lab-renamed',
      size: 1048576,
      status: 'deleted',
      disk_format: 'raw',
      container_format: 'bare',
      location: null,
      deleted: true,
      created_at: '2026-11-22T21:50:58Z',
      updated_at: '2026-11-22T21:50:58Z',
      properties: {
        os_distro: 'lab',
        note: 'naïve ☃',
        'owner_specified.openstack.md5': '',
        'owner_specified.openstack.sha256': '',
        'owner_specified.openstack.object': 'images/lab-short',
      },
      protected: false,
      checksum: 'b3e89c0f8d399e9b7c65433fbe92936c',
      is_public: false,
      deleted_at: '2026-11-22T21:50:58Z',
      min_ram: 32,
      event_type: 'image.delete',
      host: 'image.localhost',
    });
  }
});

const sent: Readonly<Record<string, Metadata>> = {
  'image.download': { destination_ip: null, owner_id: 'a181d71807a84f1692b79cc7c67a9766' },
  'image.serve': {
    destination_ip: null,
    receiver_user_id: 'c70bb536733a4dea97df02c5456070fd',
    receiver_tenant_id: '909c4662f43441bcb7e3bece767e7d73',
  },
};

it.each(Object.entries(sent))('%s has its metadata', (name, metadata) => {
  const counter = count(capture('glance.image.send')).find((one) => one.name === name);
  expect(counter?.resourceMetadata).toEqual({ ...metadata, event_type: 'image.send', host: 'image.localhost' });
});

it("accepts glance's payload of 2012", () => {
  const payload = {
    bytes_sent: 2n ** 60n,
    image_id: 'i-1',
    owner_id: null,
    receiver_tenant_id: null,
    receiver_user_id: null,
    destination_ip: '203.0.113.9',
  };
  const counters = count(exampleNotification({ eventType: 'image.send', payload }));
  expect(counters.map(counterLine).sort()).toEqual([
    'image.download delta 1152921504606846976 B, i-1 of null by null',
    'image.serve delta 1152921504606846976 B, i-1 of null by null',
  ]);
  for (const { resourceMetadata } of counters) expect(resourceMetadata['destination_ip']).toBe('203.0.113.9');
});

it('has a size of 0 for an empty image', () => {
  const payload = { id: 'i-1', owner: 'p-1', size: 0 };
  const counters = count(exampleNotification({ eventType: 'image.upload', payload }));
  expect(counters.map(counterLine)).toContain('image.size gauge 0 B, i-1 of p-1 by null');
});
