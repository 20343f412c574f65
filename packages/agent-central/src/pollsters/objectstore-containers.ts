import type { Metadata } from '@nephoscope/core';
import { defineCentralPollster } from '@nephoscope/core/pollster';
import type { CloudFigure, CloudList, MissingFigure } from '@nephoscope/core/pollster';

import {
  AccountSearch,
  absent,
  accountOptions,
  accountUrls,
  objectStore,
  projects,
  refusal,
} from '../accounts.js';
import { Item } from '../item.js';
import { missingFigures, understood } from '../listed-counters.js';

const meters = [
  {
    name: 'storage.containers.objects',
    type: 'gauge',
    unit: 'object',
    description: 'Objects in the container',
  },
  { name: 'storage.containers.objects.size', type: 'gauge', unit: 'B', description: 'Size of these objects' },
] as const;

/** Contents of each container in the object store, from the listing of each project's account. */
export default defineCentralPollster({
  service: 'swift',
  options: accountOptions,
  meters,
  create: ({ service: swift = {} }) => ({
    async *getCounters(cloud) {
      const accountOf = await accountUrls(cloud, swift);
      const search = new AccountSearch(swift);
      for await (const fields of cloud.list(projects)) {
        const project = understood(() => ({ id: new Item(fields).text('id') }));
        if ('missing' in project) {
          yield* missingFigures(meters, project, 'a project without an id');
          continue;
        }
        const account: CloudList = {
          service: objectStore(swift),
          path: accountOf(project.id),
          key: '',
          query: { format: 'json' },
        };
        try {
          for await (const container of cloud.list(account)) {
            yield* countersOf(project.id, container);
          }
          search.add(account.path, true);
        } catch (error) {
          const reason = refusal(error);
          search.add(account.path, reason !== absent);
          yield* missingFigures(meters, reason, project.id);
        }
      }
      yield* search.missingFigures(meters);
    },
  }),
});

function* countersOf(
  projectId: string,
  fields: Metadata,
): Generator<CloudFigure | MissingFigure, void, undefined> {
  const container = new Item(fields);
  const read = understood(() => ({
    name: container.text('name'),
    count: container.amount('count'),
    bytes: container.amount('bytes'),
  }));
  if ('missing' in read) return yield* missingFigures(meters, read, `a container of ${projectId}`);
  const of = { resourceId: `${projectId}/${read.name}`, projectId, userId: null, metadata: {} };
  yield { meter: 'storage.containers.objects', volume: read.count, ...of };
  yield { meter: 'storage.containers.objects.size', volume: read.bytes, ...of };
}
