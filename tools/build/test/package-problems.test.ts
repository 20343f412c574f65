import { packageProblems } from '../package-problems.js';

const manifest = {
  name: 'sound',
  version: '1.0.0',
  license: 'Apache-2.0',
  type: 'module',
  files: ['dist'],
  sideEffects: false,
  engines: { node: '>=20.19' },
  exports: {
    '.': { types: './dist/index.d.ts', default: './dist/index.js' },
    './other': { types: './dist/other.d.ts', default: './dist/other.js' },
  },
};
const sound = {
  'package.json': JSON.stringify(manifest),
  'dist/index.js': "export { two } from './other.js';\n",
  'dist/index.d.ts': "export { two } from './other.js';\n",
  'dist/other.js': 'export const two = 2;\n',
  'dist/other.d.ts': 'export declare const two = 2;\n',
};

function problemsOf(changed: Readonly<Record<string, string | undefined>>): Promise<string[]> {
  const files = Object.entries({ ...sound, ...changed }).filter(([, text]) => text !== undefined);
  return packageProblems(new Map(files.map(([path, text]) => [path, Buffer.from(text as string)])));
}
const withManifest = (changed: object) => ({ 'package.json': JSON.stringify({ ...manifest, ...changed }) });

it('a correct package has no problems', async () => {
  expect(await problemsOf({})).toEqual([]);
});

it.each<[string, Record<string, string | undefined>, RegExp]>([
  ['an exported file that is not packed', { 'dist/other.js': undefined }, /^publint: .*other\.js/],
  ['declarations that are not packed', { 'dist/other.d.ts': undefined }, /^publint: .*other\.d\.ts/],
  [
    'an export without declarations',
    {
      ...withManifest({ exports: { ...manifest.exports, './other': './dist/other.js' } }),
      'dist/other.d.ts': undefined,
    },
    /^types: Could not find types: entrypoint \.\/other, resolutionKind node16-esm$/,
  ],
  [
    'declarations that need a file that is not packed',
    { 'dist/index.d.ts': "export { two } from '../../other/src/two.js';\n" },
    /^types: Internal resolution error: .*dist\/index\.d\.ts, moduleSpecifier \.\.\/\.\.\/other\/src\/two\.js$/,
  ],
  [
    'a source map with the sources',
    { 'dist/other.js.map': '{"version":3,"sources":["../src/other.ts"],"sourcesContent":[""],"mappings":""}' },
    /^size: dist\/other\.js\.map holds a copy of the sources$/,
  ],
  ['ES modules declared as CommonJS', withManifest({ type: 'commonjs' }), /^publint: .*dist\/index\.js/],
  [
    'a command without an interpreter line',
    withManifest({ bin: { sound: './dist/index.js' } }),
    /^publint: pkg\.bin/,
  ],
  [
    'a package without any declarations',
    {
      ...withManifest({ exports: './dist/other.js' }),
      'dist/index.d.ts': undefined,
      'dist/other.d.ts': undefined,
    },
    /^types: the package has no declarations$/,
  ],
])('detects %s', async (_, changed, problem) => {
  expect(await problemsOf(changed)).toContainEqual(expect.stringMatching(problem));
});
