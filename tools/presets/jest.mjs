/**
 * How every test runs: against the sources, as the ES modules that they are, so that `import()` and
 * `import.meta` behave as in production. Needs `node --experimental-vm-modules`.
 */
export const preset = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  moduleNameMapper: {
    '^@nephoscope/core/([^/]+)$': '<rootDir>/packages/core/src/exports/$1.ts',
    '^@nephoscope/agent-central/pollsters/([^/]+)$': '<rootDir>/packages/agent-central/src/pollsters/$1.ts',
    '^@nephoscope/libvirt/testing$': '<rootDir>/packages/libvirt/src/testing/index.ts',
    '^@nephoscope/([^/]+)/(memory-bus|replies|rows|sqlite-file|testing)$': '<rootDir>/packages/$1/src/$2.ts',
    '^@nephoscope/([^/]+)$': '<rootDir>/packages/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  // For what hangs: on a busy machine a test of some seconds takes many times as long.
  testTimeout: 120_000,
};
