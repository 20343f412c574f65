import { readdirSync, readFileSync } from 'node:fs';

/** The names that a file exports, including types; the linter requires that each is named in it. */
function namesIn(url: URL): readonly string[] {
  const lists = readFileSync(url, 'utf8').matchAll(/^export (?:type )?\{([^}]*)\} from/gm);
  return [...lists]
    .flatMap(([, names = '']) => names.split(',').map((name) => name.trim()))
    .filter(Boolean)
    .sort();
}

const src = new URL('../src/', import.meta.url);
const subpaths = readdirSync(new URL('exports/', src)).map((file) => file.replace(/\.ts$/, ''));
const exported: Record<string, readonly string[]> = {
  '.': namesIn(new URL('index.ts', src)),
  ...Object.fromEntries(subpaths.map((name) => [`./${name}`, namesIn(new URL(`exports/${name}.ts`, src))])),
};

// Plugins depend on every exported name: a new one needs a reason, and then an entry in this list (`jest -u`).
it('exports exactly the names in the snapshot', () => {
  expect(exported).toMatchSnapshot();
});

it.each(Object.entries(exported))('exports fewer than 60 names from %s', (_, names) => {
  expect(names.length).toBeLessThan(60);
});

it('exports each name once', () => {
  const all = Object.values(exported).flat();
  expect(all.length).toBe(new Set(all).size);
  expect(all.length).toBeLessThan(120);
});

it('has the same subpaths in package.json', () => {
  const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    readonly exports: Readonly<Record<string, unknown>>;
  };
  expect(Object.keys(exports).sort()).toEqual([...Object.keys(exported), './package.json'].sort());
});
