/**
 * `tsx tools/build/declarations.ts DIRECTORY`: makes the declarations of all packages, each in its folder of that
 * directory: those behind the `types` of its `exports`, and what these import. One program for all packages reads
 * and checks each file once; a build of each package by itself would do that for all that the package depends on.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));
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

const folders = (await readdir(join(root, 'packages'))).map((name) => join(root, 'packages', name));
const entries = (await Promise.all(folders.map(entriesOf))).flat();

const host: ts.ParseConfigFileHost = {
  ...ts.sys,
  onUnRecoverableConfigFileDiagnostic: (diagnostic) => report([diagnostic]),
};
const config = ts.getParsedCommandLineOfConfigFile(
  join(root, 'tsconfig.json'),
  { noEmit: false, declaration: true, emitDeclarationOnly: true, types: ['node'], outDir: root, rootDir: root },
  host,
);
const program = ts.createProgram(entries, config?.options ?? {});

const declarations = new Map<string, string>();
const { diagnostics } = program.emit(undefined, (file, text) => void declarations.set(resolve(file), text));
report([...program.getOptionsDiagnostics(), ...program.getSyntacticDiagnostics(), ...diagnostics]);

await rm(directory, { recursive: true, force: true });
const wanted = new Set(entries.map(declarationOf));
for (const file of wanted) {
  const text = declarations.get(file);
  if (text === undefined) throw new Error(`No declarations were made for ${file}`);
  for (const { fileName } of ts.preProcessFile(text).importedFiles) {
    if (!fileName.startsWith('.')) continue;
    const imported = declarationOf(resolve(dirname(file), fileName));
    // The compiler does so for a type that is inferred and that no export of the other package names.
    if (packageOf(imported) !== packageOf(file))
      throw new Error(`The declarations of ${file} name a type in ${imported}: its package must export that type`);
    wanted.add(imported);
  }
  const target = join(directory, relative(join(root, 'packages'), file).replace('/src/', '/'));
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, text);
}

function declarationOf(source: string): string {
  return source.replace(/\.[jt]s$/, '.d.ts');
}

function packageOf(file: string): string | undefined {
  return relative(join(root, 'packages'), file).split('/')[0];
}

/** Ends the process when there is one. */
function report(found: readonly ts.Diagnostic[]): void {
  if (found.length === 0) return;
  const names: ts.FormatDiagnosticsHost = {
    getCanonicalFileName: (file) => file,
    getCurrentDirectory: () => root,
    getNewLine: () => '\n',
  };
  console.error(ts.formatDiagnostics(found, names));
  process.exit(1);
}
