import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import * as libvirt from '../src/index.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const errors = readFileSync(new URL('../src/errors.ts', import.meta.url), 'utf8');

describe('README', () => {
  it('lists every error code with its class, and no others', () => {
    const documented = [...readme.matchAll(/^\| `(LIBVIRT_\w+)` \| `(\w+)` \|/gm)].map(([, code]) => code);
    const declared = [...errors.matchAll(/^ {2}\| '(LIBVIRT_\w+)'/gm)].map(([, code]) => code);
    expect(declared.length).toBeGreaterThan(0);
    expect(documented.sort()).toEqual(declared.sort());
    for (const [, name] of readme.matchAll(/^\| `LIBVIRT_\w+` \| `(\w+)` \|/gm))
      expect(libvirt).toHaveProperty(name!);
  });

  it('has examples that compile', () => {
    const examples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!);
    expect(examples).toHaveLength(2);
    const root = fileURLToPath(new URL('../../../', import.meta.url));
    const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile) as { config: object };
    const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root);
    const sources = new Map(
      examples.map((code, index) => [`${root}packages/libvirt/test/readme-${index}.ts`, code]),
    );
    const host = ts.createCompilerHost(options);
    const { getSourceFile, fileExists, readFile } = host;
    host.fileExists = (name) => sources.has(name) || fileExists(name);
    host.readFile = (name) => sources.get(name) ?? readFile(name);
    host.getSourceFile = (name, target, ...rest) => {
      const source = sources.get(name);
      return source === undefined
        ? getSourceFile(name, target, ...rest)
        : ts.createSourceFile(name, source, target);
    };
    const program = ts.createProgram([...sources.keys()], options, host);
    const problems = [...sources.keys()].flatMap((name) => {
      const file = program.getSourceFile(name)!;
      return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    });
    expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
  });
});
