/**
 * `tsx tools/build/declarations.ts DIRECTORY`: makes the declarations of all packages, each in its folder of that
 * directory: those behind the `types` of its `exports`, and what these import. One program for all packages reads
 * each file once; a build of each package by itself would do that for all that the package depends on.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** What the compiler writes, of everything that it has read; within the project, whose packages it finds from there. */
const cache = join(root, 'node_modules/.cache');
const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('Which directory?');

/** The sources behind the `types` of a package's `exports`. */
async function entriesOf(folder: string): Promise<string[]> {
  const { exports } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, string | { readonly types?: string }>>;
  };
  return Object.values(exports).flatMap((target) => {
    const types = typeof target === 'string' ? undefined : target.types;
    return types === undefined ? [] : [join(folder, types.replace('/dist/', '/src/').replace(/\.d\.ts$/, '.ts'))];
  });
}

/** Leaves errors of types to lint: what cannot be declared is an error here. */
async function emit(entries: readonly string[], outDir: string): Promise<void> {
  const project = join(outDir, 'tsconfig.json');
  const compilerOptions = {
    ...{ noEmit: false, declaration: true, emitDeclarationOnly: true, noCheck: true },
    ...{ types: ['node'], outDir, rootDir: root },
  };
  const extended = join(root, 'tsconfig.json');
  await writeFile(project, JSON.stringify({ extends: extended, compilerOptions, include: [], files: entries }));
  const tsc = fileURLToPath(new URL('../../node_modules/typescript-7/bin/tsc', import.meta.url));
  const compiler = spawn(process.execPath, [tsc, '--project', project], { stdio: 'inherit' });
  const [code] = (await once(compiler, 'close')) as [number | null];
  if (code !== 0) throw new Error('The declarations cannot be made: see above');
}

/** The modules that a declaration names: `from '…'`, `import('…')`. */
const importsOf = (text: string) =>
  [...text.matchAll(/(?:\bfrom |\bimport\(|\bimport )['"]([^'"]+)['"]/g)].map(([, name]) => name as string);

const folders = (await readdir(join(root, 'packages'))).map((name) => join(root, 'packages', name));
const entries = (await Promise.all(folders.map(entriesOf))).flat();
await mkdir(cache, { recursive: true });
const emitted = await mkdtemp(join(cache, 'declarations-'));
try {
  await emit(entries, emitted);
  await rm(directory, { recursive: true, force: true });
  const wanted = new Set(entries.map(declarationOf));
  for (const file of wanted) {
    const text = await readFile(join(emitted, relative(root, file)), 'utf8');
    for (const name of importsOf(text)) {
      if (!name.startsWith('.')) continue;
      const imported = declarationOf(resolve(dirname(file), name));
      // The compiler does so for a type that is inferred and that no export of the other package names.
      if (packageOf(imported) !== packageOf(file))
        throw new Error(
          `The declarations of ${file} name a type in ${imported}: its package must export that type`,
        );
      wanted.add(imported);
    }
    const target = join(directory, relative(join(root, 'packages'), file).replace('/src/', '/'));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text);
  }
} finally {
  await rm(emitted, { recursive: true });
}

function declarationOf(source: string): string {
  return source.replace(/\.[jt]s$/, '.d.ts');
}

function packageOf(file: string): string | undefined {
  return relative(join(root, 'packages'), file).split('/')[0];
}
