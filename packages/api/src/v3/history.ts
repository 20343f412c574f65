import type { Sample } from '@nephoscope/core/sample-store';
import { memberSpans } from '@nephoscope/message';
import { metadataValue } from '@nephoscope/statistics';
import { z } from 'zod';

import { csvLine } from '../csv.js';
import { Problem } from './problem.js';
import { filterOf, timesShape } from './queries.js';
import { inRows, json, route } from './route.js';
import { historySchema, stateSchema } from './schemas.js';
import { utcText } from './times.js';

/** What is told of a resource: nova's names, and those that Ceilometer's pollsters give them. */
const keys = {
  flavor: ['flavor.name', 'instance_type'],
  host: ['instance_host', 'host'],
  status: ['status', 'state'],
} as const;
type Key = keyof typeof keys;
const names = Object.keys(keys) as readonly Key[];

const columns = [
  'first_timestamp',
  'last_timestamp',
  'samples',
  'project_id',
  'user_id',
  'flavor',
  'host',
  'status',
] as const;

type State = Pick<z.output<typeof stateSchema>, 'project_id' | 'user_id' | Key>;
type StateOverTime = z.output<typeof stateSchema>;

/** More changes than this are no history that anybody reads. */
const mostStates = 10_000;

export const getHistory = route({
  path: '/v3/resources/{resource_id}/history',
  operationId: 'getResourceHistory',
  summary: 'History of a resource',
  description:
    'Owners, flavors, hosts and statuses of a resource, from its samples in the order of time: a new state begins with the first sample that says something else. What a sample does not say is as it was before. With `start` and `end`, only of that time.',
  names: { resource_id: 'Id of the resource.' },
  query: z.object(timesShape),
  reply: historySchema,
  row: stateSchema,
  columns: `\`${columns.join('`, `')}\``,
  async answer({ reader, scope, signal, format }, query, { resource_id: id = '' }) {
    const states: StateOverTime[] = [];
    for await (const state of statesOf(reader.samples({ ...filterOf(query, scope), resources: [id] }, signal))) {
      states.push(state);
      if (states.length > mostStates)
        throw new Problem('query-too-large', `there are more than ${mostStates} changes: ask for a shorter time`, {
          limit: mostStates,
        });
    }
    if (states.length === 0)
      throw new Problem('not-found', 'no sample of such a resource is recorded, or none of that time');
    if (format === 'json') return json({ resource_id: id, states });
    return inRows(format, {
      items: states,
      head: columns,
      csv: (one) => csvLine(columns.map((name) => (one[name] === null ? null : String(one[name])))),
      json: (one) => JSON.stringify(one),
    });
  },
});

async function* statesOf(samples: AsyncIterable<Sample>): AsyncGenerator<StateOverTime> {
  const told = telling();
  let open: { state: State; first: bigint; last: bigint; samples: number } | undefined;
  const closed = ({ state, first, last, samples: count }: NonNullable<typeof open>): StateOverTime => ({
    first_timestamp: utcText(first),
    last_timestamp: utcText(last),
    samples: count,
    ...state,
  });
  for await (const sample of samples) {
    const state: State = { project_id: sample.projectId, user_id: sample.userId, ...told(sample) };
    for (const name of names) state[name] ??= open?.state[name] ?? null;
    if (open !== undefined && isSame(open.state, state)) {
      open.last = sample.timestamp;
      open.samples += 1;
      continue;
    }
    if (open !== undefined) yield closed(open);
    open = { state, first: sample.timestamp, last: sample.timestamp, samples: 1 };
  }
  if (open !== undefined) yield closed(open);
}

/** What is told for the first time is no change. */
function isSame(before: State, now: State): boolean {
  if (before.project_id !== now.project_id || before.user_id !== now.user_id) return false;
  if (names.some((name) => before[name] !== null && before[name] !== now[name])) return false;
  for (const name of names) before[name] = now[name];
  return true;
}

/** So many texts are remembered with what they tell: many samples of a resource have the same. */
const remembered = 100;

function telling(): (sample: Sample) => Pick<State, Key> {
  const known = new Map<string, Pick<State, Key>>();
  return ({ text }) => {
    const [span] = memberSpans(text, ['resource_metadata']);
    const metadata = span === undefined ? '{}' : text.slice(span.start, span.end);
    let told = known.get(metadata);
    if (told !== undefined) return told;
    const sample = { text: `{"resource_metadata":${metadata}}` } as Sample;
    const value = (name: Key) =>
      keys[name].map((key) => metadataValue(sample, key)).find((found) => found !== null && found !== '') ?? null;
    told = { flavor: value('flavor'), host: value('host'), status: value('status') };
    if (known.size === remembered) known.clear();
    known.set(metadata, told);
    return told;
  };
}
