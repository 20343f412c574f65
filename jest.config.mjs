import { existsSync } from 'node:fs';
import { preset } from './tools/presets/jest.mjs';

const integrationTests = '**/test/**/*.integration.test.ts';

const project = {
  ...preset,
  roots: ['packages', 'examples', 'tools']
    .filter((name) => existsSync(new URL(name, import.meta.url)))
    .map((name) => `<rootDir>/${name}`),
  modulePathIgnorePatterns: ['/dist/'],
};

export default {
  projects: [
    { ...project, displayName: 'unit', testMatch: ['**/test/**/*.test.ts', `!${integrationTests}`] },
    {
      ...project,
      displayName: 'integration',
      testMatch: [integrationTests],
      // Run only when at least one of these tests runs.
      globalSetup: '<rootDir>/tools/testbed/jest-setup.mjs',
      globalTeardown: '<rootDir>/tools/testbed/jest-teardown.mjs',
    },
  ],
  testTimeout: preset.testTimeout,
  testSequencer: '<rootDir>/tools/jest/sequencer.mjs',
  // Twice the processors of the smallest machine: most of its time an integration test waits for a service.
  maxWorkers: 4,
};
