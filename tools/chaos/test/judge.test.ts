import { judge } from '../judge.js';
import type { Judged, Worker } from '../judge.js';

/** Programs, each of which can be made faulty. */
function programs() {
  const running = new Set<string>();
  const faulty = new Map<string, 'does nothing' | 'complains' | 'ends badly' | 'shares the lock'>();
  const made = new Map<string, Worker>();
  const names = ['collector-1', 'collector-2', 'agent-1', 'central-1', 'central-2'];
  let recorded = 0;
  for (const name of names) {
    running.add(name);
    made.set(name, {
      name,
      start: () => void running.add(name),
      end: () => {
        if (!running.delete(name)) return Promise.resolve(undefined);
        return Promise.resolve(faulty.get(name) === 'ends badly' ? 'exit code 1' : 'exit code 0');
      },
      complaint: () =>
        Promise.resolve(
          !running.has(name) ? 'it is gone' : faulty.get(name) === 'complains' ? '503: stuck' : undefined,
        ),
    });
  }
  const ofKind = (kind: string) => [...made.values()].filter(({ name }) => name.startsWith(kind));
  const works = (name: string) => running.has(name) && faulty.get(name) !== 'does nothing';
  const judged: Judged = {
    collectors: ofKind('collector'),
    agents: ofKind('agent'),
    centrals: ofKind('central'),
    recorded: () => Promise.resolve((recorded += ofKind('collector').filter(({ name }) => works(name)).length)),
    hasRecordedOf: (name) => Promise.resolve(works(name)),
    holders: () => {
      const able = ofKind('central').filter(({ name }) => works(name));
      const all = able.some(({ name }) => faulty.get(name) === 'shares the lock');
      return Promise.resolve((all ? able : able.slice(0, 1)).map(({ name }) => name));
    },
  };
  return { judged, faulty, running, names };
}

it('finds no problem if each does its work, and leaves all of them running', async () => {
  const { judged, names, running } = programs();
  expect(await judge(judged, 10)).toEqual([]);
  expect([...running].sort()).toEqual(names.sort());
});

it.each([
  ['collector-2', 'does nothing', 'collector-2 records nothing within 0.01 s when it is the only collector'],
  ['agent-1', 'does nothing', 'agent-1: no sample that it takes now is recorded'],
  ['agent-1', 'complains', 'agent-1 does not do its work after 0.01 s: 503: stuck'],
  ['collector-1', 'ends badly', 'collector-1, told to stop, ended with exit code 1'],
  ['central-1', 'shares the lock', 'the lock of the central agents is held by central-1 and central-2'],
  ['central-2', 'does nothing', 'the lock of the central agents is held by nobody'],
] as const)('detects %s, which %s', async (name, what, problem) => {
  const { judged, faulty } = programs();
  faulty.set(name, what);
  expect(await judge(judged, 10)).toEqual([expect.stringContaining(problem)]);
});
