import { mayImport } from './packages.mjs';

/** The inside of a package. By its name, which tsconfig.json and `exports` map to a file in there, is another way. */
const inside = { path: '^(packages|examples)/[^/]+/src/', dependencyTypesNot: ['aliased'] };

/** A package imports those that are listed for it; one that is not listed is an error. */
const arrows = Object.entries(mayImport).map(([name, allowed]) => ({
  name: `imports-of-${name}`,
  comment: `@nephoscope/${name} may import only: ${allowed.join(', ') || 'no other package'} (tools/presets/packages.mjs).`,
  severity: 'error',
  from: { path: `^packages/${name}/src/` },
  to: { path: '^packages/', pathNot: `^packages/(${[...allowed, name].join('|')})/` },
}));

/** How files may need each other, by types alone too: what the linter, which sees one file at a time, cannot tell. */
export default {
  forbidden: [
    {
      name: 'no-circle',
      comment:
        'Two files that need each other are one idea, or share one that has no file yet: move it into a file.',
      severity: 'error',
      from: { path: '^(packages|tools|examples)/' },
      to: { circular: true },
    },
    {
      name: 'packages-by-name',
      comment: 'Import what another package exports, by its name; a test of its inside belongs to it.',
      severity: 'error',
      from: { path: '^((packages|examples)/[^/]+)/' },
      to: { ...inside, pathNot: '^$1/' },
    },
    {
      name: 'tools-by-name',
      comment: 'Import what the package exports, by its name; a test of its inside belongs to it.',
      severity: 'error',
      from: { path: '^tools/' },
      to: inside,
    },
    ...arrows,
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|node_modules)/' },
  },
};
