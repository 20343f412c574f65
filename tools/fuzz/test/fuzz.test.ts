import { corpusOf, fuzz, targets, timeOf } from '../run.js';

const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);

describe.each(targets.map((target) => [target.name, target] as const))('%s', (_, target) => {
  afterAll(() => target.stop?.());

  it.each(corpusOf(target).map(({ name, input }) => [name, input]))(
    'handles the recorded input %s',
    async (_name, input) => {
      await timeOf(target, input);
    },
  );

  it(`handles random inputs (FUZZ_SEED=${seed})`, async () => {
    const { failure, runs } = await fuzz(target, seed, target.runs);
    expect(failure).toBeUndefined();
    expect(runs).toBe(target.runs);
  });
});

it('reports a failing input, reduced as far as possible', async () => {
  const [target] = targets;
  const failing = {
    ...target!,
    check: (input: string) => {
      if (input.includes('cpu')) throw new Error('of the test');
    },
  };
  const { failure } = await fuzz(failing, seed, 200);
  expect(failure?.error).toContain('of the test');
  expect(failure?.input).toContain('cpu');
});
