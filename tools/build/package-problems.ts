import { checkPackage, Package } from '@arethetypeswrong/core';
import { problemKindInfo } from '@arethetypeswrong/core/problems';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

interface Manifest {
  readonly name: string;
  readonly version: string;
}

/**
 * What is wrong with a package as others get it: what publint says of its package.json and the files that this names,
 * what TypeScript in an ES module, by itself or with a bundler, would not find or misread, and source maps that hold the
 * sources. The packages are ES modules alone, so what CommonJS would find does not count.
 *
 * @param files the files of its tarball, by their paths in the package
 * @returns a line for each problem
 */
export async function packageProblems(files: ReadonlyMap<string, Uint8Array>): Promise<string[]> {
  const packed = [...files].map(([name, data]) => ({ name: `/package/${name}`, data }));
  const { messages, pkg } = await publint({ pkgDir: '/package', pack: { files: packed }, strict: true });
  const said = messages.map(
    (message) => `publint: ${formatMessage(message, pkg, { color: false }) ?? message.code}`,
  );
  for (const [path, data] of files)
    if (path.endsWith('.map') && 'sourcesContent' in (JSON.parse(Buffer.from(data).toString()) as object))
      said.push(`size: ${path} holds a copy of the sources`);

  const { name, version } = pkg as Manifest;
  const installed = Object.fromEntries([...files].map(([path, data]) => [`/node_modules/${name}/${path}`, data]));
  const analysis = await checkPackage(new Package(installed, name, version));
  if (analysis.types === false) return [...said, 'types: the package has no declarations'];
  const types = analysis.problems
    .filter((problem) => !('resolutionKind' in problem) || counts(problem.resolutionKind))
    .map((problem) => `types: ${problemKindInfo[problem.kind].title}: ${placeOf(problem)}`);
  return [...said, ...types];
}

function counts(resolution: string): boolean {
  return resolution === 'node16-esm' || resolution === 'bundler';
}

/** The parts of a problem that say where it is: an entry point, files. */
function placeOf(problem: object): string {
  return Object.entries(problem)
    .filter(([key, value]) => key !== 'kind' && typeof value === 'string')
    .map(([key, value]) => `${key} ${value}`)
    .join(', ');
}
