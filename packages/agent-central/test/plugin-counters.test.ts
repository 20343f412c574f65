import { countersOf } from '../src/plugin-counters.js';

/** As if the process had hardly any CPU time: an interrupted call is repeated. */
const twice = <R>(work: () => R): R => {
  work();
  return work();
};
const read = (given: unknown): { readonly given: unknown; readonly size: number } => ({ given, size: 1 });

async function all(getCounters: () => unknown) {
  const found: unknown[] = [];
  for await (const { given } of countersOf(getCounters, twice, read)) found.push(given);
  return found;
}

it('yields each counter once when a call that was interrupted is repeated', async () => {
  const generate = function* () {
    yield 1;
    yield 2;
  };
  expect(await all(generate)).toEqual([1, 2]);
  expect(await all(() => Promise.resolve([1, 2]))).toEqual([1, 2]);
});

it('fails when an asynchronous generator was interrupted, which cannot be resumed', async () => {
  const generate = function* () {
    yield 1;
  };
  await expect(all(() => Promise.resolve(generate()))).rejects.toMatchObject({
    code: 'PLUGIN_BLOCKED',
    message: expect.stringContaining('interrupted after blocking the program') as string,
  });
});
