import type { Case, Fixture, Identity } from '../../../../tools/api-cases/case.js';
import type { Check } from '../../../../tools/api-cases/checks.js';

const day = (time: string) => `2012-07-02T${time}`;

function sample(
  id: string,
  [meter, type, unit, volume]: readonly [string, string, string, number],
  [resource, project, user, source]: readonly [string, string | null, string | null, string],
  time: string,
  metadata: object = {},
): Fixture {
  return {
    ...{ message_id: id, counter_name: meter, counter_type: type, counter_unit: unit, counter_volume: volume },
    ...{ resource_id: resource, project_id: project, user_id: user, source, timestamp: day(time) },
    resource_metadata: metadata,
  };
}

const cpu = (volume: number) => ['cpu', 'cumulative', 'ns', volume] as const;
const disk = (unit: string, volume: number) => ['disk.size', 'gauge', unit, volume] as const;
const one = ['r1', 'p1', 'u1', 'openstack'] as const;
const two = ['r2', 'p2', 'u2', 'other'] as const;

/** The samples that all of these cases are about. */
export const world: readonly Fixture[] = [
  sample('c1', cpu(1), one, '10:40:00', {
    ...{ tag: 'a', util: 0.75, n: 0, ok: true, none: null, list: ['x', 1], instance_type: 'tiny' },
    dict: { key: 'v', deep: { x: 'y', 'd.o': 't' } },
  }),
  sample('c2', cpu(2), one, '10:42:00', { tag: 'b', util: 0.5, n: 1, ok: false, at: day('10:00:00') }),
  sample('c3', cpu(2), one, '11:40:00', { tag: 'c', n: '1', instance_type: 'tiny' }),
  sample('d1', disk('GB', 10), two, '10:00:00.250000', { tag: 'a', instance_type: 'large' }),
  sample('d2', disk('GB', 7.5), two, '12:00:00'),
  sample('d3', disk('GiB', 7), two, '12:30:00'),
  // The resource moves to another project.
  sample('n1', ['net', 'delta', 'B', 100], ['r3', 'p1', 'u2', 'openstack'], '10:41:00'),
  sample('n2', ['net', 'delta', 'B', 50], ['r3', 'p2', 'u2', 'openstack'], '10:45:00'),
  sample('i1', ['instance:m1.tiny', 'gauge', 'instance', 1], ['r4', null, null, 'openstack'], '10:30:00'),
  sample('s1', ['image', 'gauge', 'image', 1e16], ['a/b', 'p3', 'u3', 'openstack'], '09:00:00', { x: '<&>' }),
];

export const admin: Identity = { roles: ['admin'], project_id: 'p-ops', user_id: 'u-ops' };
export const member = (project: string): Identity => ({ roles: ['member'], project_id: project, user_id: 'u1' });

/** A check of a whole reply, or of what is at a path: `[]` is each element. */
export const at = (...path: readonly (string | number)[]) => ({
  count: (count: number): Check => ({ at: path, count }),
  is: (equals: unknown): Check => ({ at: path, equals }),
  like: (like: unknown): Check => ({ at: path, like }),
  set: (...set: readonly unknown[]): Check => ({ at: path, set }),
  list: (...list: readonly unknown[]): Check => ({ at: path, list }),
  only: (...rows: readonly unknown[]): Check => ({ at: path, rows, only: true }),
  has: (contains: string): Check => ({ at: path, contains }),
});
export const text = (contains: string): Check => ({ text_contains: contains });
export const time = (instant: string) => ({ $instant: `2012-07-02T${instant}Z` });
/** The error's text. */
export const fault = (contains: string): Check => at('error_message', 'faultstring').has(contains);

export interface Asking {
  readonly identity?: Identity;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly type?: string;
}

/** Makes cases of one state of the API. */
export function casesOf(era: string) {
  const made: Case[] = [];
  /** @param line method, path and query, escaped */
  const expect = (line: string, status: number, checks: Check | readonly Check[] = [], asking: Asking = {}) => {
    const [method = '', path = ''] = line.split(' ');
    const { identity = admin, headers = {}, body = null, type } = asking;
    made.push({
      ...{ id: `${era}/${made.length + 1} ${line}`, era, needs: [], fixtures: world },
      request: { method, path, query: [], headers, body, identity },
      expect: { status, checks: [checks].flat(), ...(type !== undefined && { content_type: type }) },
    });
  };
  return { made, expect };
}
