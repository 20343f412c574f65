import type { Metadata, Missing } from '@nephoscope/core';
import { defineCentralPollster } from '@nephoscope/core/pollster';
import type { Cloud, CloudFigure, CloudHead, CloudService, MissingFigure } from '@nephoscope/core/pollster';

import {
  AccountSearch,
  absent,
  accountOptions,
  accountUrls,
  noAccount,
  objectStore,
  projects,
  refusal,
} from '../accounts.js';
import { concurrently } from '../concurrently.js';
import { Item } from '../item.js';
import { missingFigures, understood } from '../listed-counters.js';

const meters = [
  { name: 'storage.objects', type: 'gauge', unit: 'object', description: "Objects in the project's account" },
  { name: 'storage.objects.size', type: 'gauge', unit: 'B', description: 'Size of these objects' },
  {
    name: 'storage.objects.containers',
    type: 'gauge',
    unit: 'container',
    description: "Containers in the project's account",
  },
] as const;

const headers = ['x-account-object-count', 'x-account-bytes-used', 'x-account-container-count'] as const;

// Concurrent requests.
const atOnce = 8;

/** Contents of each project's account in the object store, by HEAD. */
export default defineCentralPollster({
  service: 'swift',
  options: accountOptions,
  meters,
  create: ({ clock, service: swift = {} }) => ({
    async *getCounters(cloud) {
      const accountOf = await accountUrls(cloud, swift);
      const search = new AccountSearch(swift);
      const read = async (fields: Metadata): Promise<readonly (CloudFigure | MissingFigure)[]> => {
        const project = understood(() => ({ id: new Item(fields).text('id') }));
        if ('missing' in project) return missingFigures(meters, project, 'a project without an id');
        const { id } = project;
        const volumes = await readAccount(cloud, objectStore(swift), accountOf(id));
        search.add(accountOf(id), volumes !== absent);
        if ('missing' in volumes) return missingFigures(meters, volumes, id);
        const timestamp = clock.now();
        const of = { resourceId: id, projectId: id, userId: null, metadata: {}, timestamp };
        return meters.map(({ name }, index) => ({ meter: name, volume: volumes[index] as bigint, ...of }));
      };
      for await (const items of concurrently(cloud.list(projects), atOnce, read)) yield* items;
      yield* search.missingFigures(meters);
    },
  }),
});

async function readAccount(
  cloud: Cloud,
  service: CloudService,
  url: string,
): Promise<readonly bigint[] | Missing> {
  try {
    return volumesOf(await cloud.head(service, url));
  } catch (error) {
    return refusal(error);
  }
}

/**
 * The volumes of the meters. Swift answers 204 for an existing account. With `account_autocreate` it answers 200 and
 * zeros for one that does not exist, which are not figures.
 */
function volumesOf({ status, headers: given }: CloudHead): readonly bigint[] | Missing {
  if (status === 404 || status === 410) return absent;
  const volumes: bigint[] = [];
  for (const header of headers) {
    const value = given[header] ?? '';
    if (!/^\d{1,30}$/.test(value)) {
      const what = value === '' ? 'has no' : 'is not a number in';
      return { missing: 'error', detail: `the answer for its account ${what} ${header}` };
    }
    volumes.push(BigInt(value));
  }
  return status === 200 && volumes.every((volume) => volume === 0n) ? noAccount : volumes;
}
