import { defineCentralPollster } from '@nephoscope/core';
import type { CentralPollManager, CloudList, Counter, Metadata, Missing } from '@nephoscope/core';

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
import { counterOf, understood } from '../listed-counters.js';

const meters = [
  {
    name: 'storage.containers.objects',
    type: 'gauge',
    unit: 'object',
    description: 'Objects in the container',
  },
  { name: 'storage.containers.objects.size', type: 'gauge', unit: 'B', description: 'Size of these objects' },
] as const;

const [objects, size] = meters;

/** What each container in the object store holds, from the listing of each project's account. */
export default defineCentralPollster({
  service: 'swift',
  options: accountOptions,
  meters,
  create: ({ service: swift = {} }) => ({
    async *getCounters(manager) {
      const accountOf = await accountUrls(manager.cloud, swift);
      const search = new AccountSearch(swift);
      for await (const fields of manager.cloud.list(projects)) {
        const project = understood(() => ({ id: new Item(fields).text('id') }));
        if ('missing' in project) {
          gap(manager, project, 'a project without an id');
          continue;
        }
        const account: CloudList = {
          service: objectStore(swift),
          path: accountOf(project.id),
          key: '',
          query: { format: 'json' },
        };
        try {
          for await (const container of manager.cloud.list(account)) {
            yield* countersOf(manager, project.id, container);
          }
          search.add(account.path, true);
        } catch (error) {
          const reason = refusal(error);
          search.add(account.path, reason !== absent);
          gap(manager, reason, project.id);
        }
      }
      search.tell(manager.missing, meters);
    },
  }),
});

function* countersOf(
  manager: CentralPollManager,
  projectId: string,
  fields: Metadata,
): Generator<Counter, void, undefined> {
  const container = new Item(fields);
  const read = understood(() => ({
    name: container.text('name'),
    count: container.amount('count'),
    bytes: container.amount('bytes'),
  }));
  if ('missing' in read) {
    gap(manager, read, `a container of ${projectId}`);
    return;
  }
  const of = { resourceId: `${projectId}/${read.name}`, projectId, userId: null, metadata: {} };
  const now = manager.clock.now();
  yield counterOf(objects, { ...of, volume: read.count }, now);
  yield counterOf(size, { ...of, volume: read.bytes }, now);
}

function gap({ missing }: CentralPollManager, reason: Missing, resourceId: string): void {
  for (const { name } of meters) missing(name, reason, resourceId);
}
