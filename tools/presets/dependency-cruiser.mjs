/** How files may need each other: what eslint, which sees one file at a time, cannot tell. Also of types alone. */
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
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|node_modules)/' },
  },
};
