import type { Metadata } from '@nephoscope/core';
import { notificationHandlerContract } from '@nephoscope/testing';

import { objectBytes } from '../src/index.js';
import { capture } from './captures.js';

const download = capture('swift.objectstore.http.request');
const measured = (measurements: Metadata[string]) => ({
  ...download,
  payload: { ...download.payload, measurements },
});
const measurement = (name: string, result: number | bigint) => ({ result, metric: { name, unit: 'B' } });

notificationHandlerContract('object_bytes', objectBytes, {
  notifications: [
    { given: download, expect: [{ name: 'storage.objects.outgoing.bytes', volume: 131 }] },
    {
      given: measured([
        measurement('storage.objects.outgoing.bytes', 5),
        measurement('storage.objects.incoming.bytes', 2n ** 60n),
      ]),
      expect: [
        { name: 'storage.objects.incoming.bytes', volume: 2n ** 60n },
        { name: 'storage.objects.outgoing.bytes', volume: 5 },
      ],
    },
    { given: measured([measurement('storage.objects.seconds', 3)]), expect: [] },
    { given: measured([]), expect: [] },
  ],
});
