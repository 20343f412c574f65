import type { Sample } from '@nephoscope/core/sample-store';

import { signed } from './serve.js';

// `web` runs for two days, is restarted after 30 h, resized after 20 h and sold after 40 h. `db` has a gauge. One message was changed.
const gigabyte = 10n ** 30n;
const changed = signed(5, { resourceId: 'db', name: 'memory', type: 'gauge', unit: 'GiB', volume: 2n });
export const samples: readonly Sample[] = [
  ...Array.from({ length: 48 }, (_, at) =>
    signed(at, {
      volume: at < 30 ? gigabyte * BigInt(at) : BigInt(at - 30),
      epoch: at < 30 ? 'run 1' : 'run 2',
      projectId: at < 40 ? 'shop' : 'bank',
      resourceMetadata: {
        flavor: { name: at < 20 ? 'small' : 'large' },
        instance_host: at < 10 ? 'compute-1' : 'compute-2',
        status: 'active',
        at,
      },
    }),
  ),
  ...[0, 1, 2].map((at) =>
    signed(at, { resourceId: 'db', name: 'memory', type: 'gauge', unit: 'GiB', volume: 4n }),
  ),
  { ...changed, text: changed.text.replace('"counter_volume":2', '"counter_volume":3'), volume: '3' },
];
