import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { configure, readConfig } from '@nephoscope/runtime';
import { centralAgentProgram } from '@nephoscope/agent-central';
import { computeAgentProgram } from '@nephoscope/agent-compute';
import { apiProgram } from '@nephoscope/api';
import { collectorProgram } from '@nephoscope/collector';
import ts from 'typescript';

import { fences, markdownFiles } from '../markdown.js';
import type { Fence, MarkdownFile } from '../markdown.js';
import { declaredPlugins, root } from '../plugins.js';

const run = promisify(execFile);

/** A block that begins with `// src/index.ts` is that file; other blocks have a number. */
function fileName({ code }: Fence, index: number): string {
  return /^\/\/ (\S+\.ts)\n/.exec(code)?.[1] ?? `test/block-${index}.ts`;
}

/** A file that a page imports as `../src/index.js` without showing it. */
const anyPollster = `import { definePollster } from '@nephoscope/core/pollster';
export default definePollster({ meters: [], reads: [], create: () => ({ getCounters: () => [] }) });
`;

const blocksOf = (file: MarkdownFile, language: string) =>
  fences(file.text).filter((fence) => fence.language === language);

describe('the examples of the documentation', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nephoscope-docs-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('in TypeScript compile with the sources', async () => {
    const files = new Map<string, { readonly text: string; readonly place: string }>();
    for (const file of await markdownFiles()) {
      const directory = join(root, '.examples', file.path);
      if (file.text.includes('../src/index.js'))
        files.set(join(directory, 'src/index.ts'), { text: anyPollster, place: file.path });
      blocksOf(file, 'ts').forEach((block, index) => {
        const path = join(directory, fileName(block, index));
        // Each is a module, so that names do not collide.
        files.set(path, { text: `${block.code}export {};\n`, place: `${file.path}:${block.line}` });
      });
    }
    expect(files.size).toBeGreaterThan(5);

    const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile) as {
      config: { include?: string[] };
    };
    const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root);
    const host = ts.createCompilerHost(options);
    const { getSourceFile, fileExists, directoryExists, readFile: read } = host;
    const folders = new Set([...files.keys()].map(dirname));
    host.directoryExists = (path) => folders.has(path) || directoryExists?.(path) === true;
    host.fileExists = (path) => files.has(path) || fileExists(path);
    host.readFile = (path) => files.get(path)?.text ?? read(path);
    host.getSourceFile = (path, languageVersion, ...rest) => {
      const block = files.get(path);
      if (block === undefined) return getSourceFile(path, languageVersion, ...rest);
      return ts.createSourceFile(path, block.text, {
        ...(typeof languageVersion === 'object' ? languageVersion : { languageVersion }),
        impliedNodeFormat: ts.ModuleKind.ESNext,
      });
    };
    const program = ts.createProgram([...files.keys()], { ...options, noEmit: true }, host);
    const mistakes = [...files].flatMap(([path, { place }]) => {
      const source = program.getSourceFile(path);
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
        ({ messageText, start = 0 }) =>
          `${place}+${source?.getLineAndCharacterOfPosition(start).line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      );
    });
    expect(mistakes).toEqual([]);
  }, 120_000);

  it('of plugins pass the tests that follow them', async () => {
    await mkdir(join(folder, 'node_modules'));
    await symlink(join(root, 'node_modules/zod'), join(folder, 'node_modules/zod'));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    const text = await readFile(join(root, 'docs/writing-plugins.md'), 'utf8');
    const written: string[] = [];
    for (const [index, block] of blocksOf({ path: '', text }, 'ts').entries()) {
      const path = join(folder, fileName(block, index));
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, block.code);
      written.push(path);
    }
    const tests = written.filter((path) => path.endsWith('.test.ts'));
    expect(tests).toHaveLength(2);
    const tsx = join(root, 'node_modules/tsx/dist/esm/index.mjs');
    const { stdout } = await run(process.execPath, ['--import', tsx, '--test', '--test-reporter=tap', ...tests], {
      cwd: folder,
      env: { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') },
    });
    expect(stdout).toMatch(/^# pass 3$/m);
    expect(stdout).toMatch(/^# fail 0$/m);
  }, 60_000);

  it('of figures print the output that follows them', async () => {
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    const text = await readFile(join(root, 'docs/figures.md'), 'utf8');
    const blocks = blocksOf({ path: '', text }, 'ts');
    const paths = blocks.map((block, index) => join(folder, fileName(block, index)));
    await mkdir(join(folder, 'test'));
    for (const [index, { code }] of blocks.entries()) await writeFile(paths[index] ?? '', code);
    await writeFile(join(folder, 'all.ts'), paths.map((path) => `await import('${path}');\n`).join(''));
    const tsx = join(root, 'node_modules/tsx/dist/esm/index.mjs');
    const { stdout } = await run(process.execPath, ['--import', tsx, join(folder, 'all.ts')], {
      cwd: folder,
      env: { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') },
    });
    const said = blocks.flatMap(({ code }) =>
      [...code.matchAll(/^(?:console\.log|refused)\(.*\); \/\/ (.*)$/gm)].map(([, printed]) => printed),
    );
    expect(said.length).toBeGreaterThan(8);
    expect(stdout.trimEnd().split('\n')).toEqual(said);
  }, 60_000);

  it('in YAML are configurations that the programs accept', async () => {
    let checked = 0;
    for (const file of await markdownFiles()) {
      if (!/^(README|CONTRIBUTING|docs\/)/.test(file.path)) continue;
      for (const block of blocksOf(file, 'yaml')) {
        const path = join(folder, 'nephoscope.yaml');
        // Its placeholder is refused, as intended.
        await writeFile(
          path,
          block.code.replace('replace this with a long random string', randomBytes(32).toString('hex')),
        );
        const raw = await readConfig(path, {});
        try {
          await configure(computeAgentProgram, raw, await declaredPlugins());
          await configure(collectorProgram, raw, await declaredPlugins());
          await configure(centralAgentProgram, raw, await declaredPlugins());
          await configure(apiProgram, raw, await declaredPlugins());
        } catch (error) {
          throw new Error(`${file.path}:${block.line}`, { cause: error });
        }
        checked += 1;
      }
    }
    expect(checked).toBeGreaterThan(1);
  });
});
