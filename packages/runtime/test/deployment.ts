import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const zod = fileURLToPath(new URL('../../../node_modules/zod', import.meta.url));

/** A folder for one test, with its real path; zod is installed in it. */
export async function temporaryFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'nephoscope-runtime-')));
  await mkdir(join(path, 'node_modules'));
  await symlink(zod, join(path, 'node_modules/zod'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Writes files by their path below a folder; values other than strings are written as JSON. */
export async function writeTree(root: string, files: Readonly<Record<string, unknown>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  }
}

/** The manifest of a package with plugins; `cpu` is the file cpu.js of the package. */
export function manifest(
  name: string,
  plugins?: Readonly<Record<string, readonly string[]>>,
  more: object = {},
): object {
  return {
    name,
    version: '1.2.3',
    type: 'module',
    exports: { './*': './*.js', './package.json': './package.json' },
    ...(plugins && {
      nephoscope: Object.fromEntries(
        Object.entries(plugins).map(([namespace, names]) => [
          namespace,
          Object.fromEntries(names.map((one) => [one, `./${one}`])),
        ]),
      ),
    }),
    ...more,
  };
}

/** The source of a pollster. */
export function pollsterSource(options = '', before = '', meter = 'x'): string {
  return `${before}
import { definePollster } from '@nephoscope/core/pollster';
import { z } from 'zod';
export default definePollster({
  meters: [{ name: '${meter}', type: 'gauge', unit: 'x', description: 'x' }],
  reads: [],
  ${options === '' ? '' : `options: z.strictObject({ ${options} }),`}
  create: ({ options }) => ({ getCounters: () => [], options }),
});
`;
}
