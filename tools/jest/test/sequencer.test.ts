import { access } from 'node:fs/promises';

interface Test {
  path: string;
}

interface Sequencer {
  slowest: string[];
  default: new () => { sort(tests: Test[]): Test[] };
}

const url = new URL('../sequencer.mjs', import.meta.url);
const root = new URL('../../../', import.meta.url);
const load = async () => (await import(url.href)) as Sequencer;

describe('the order of test files', () => {
  it('contains existing files, each once', async () => {
    const { slowest } = await load();
    expect(new Set(slowest).size).toBe(slowest.length);
    await Promise.all(slowest.map((file) => access(new URL(file, root))));
  });

  it('begins with the slowest, and omits none', async () => {
    const { slowest, default: SlowestFirst } = await load();
    const context = { config: {}, hasteFS: { getSize: (path: string) => path.length } };
    const tests = ['a.test.ts', slowest[1]!, 'b.test.ts', slowest[0]!].map((file) => ({
      path: `/repository/${file}`,
      context,
    }));
    const sorted = new SlowestFirst().sort(tests).map(({ path }) => path);
    expect(sorted.slice(0, 2)).toEqual([`/repository/${slowest[0]}`, `/repository/${slowest[1]}`]);
    expect(sorted.toSorted()).toEqual(tests.map(({ path }) => path).toSorted());
  });
});
