import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

import { mayImport } from './packages.mjs';

const boundaries = Object.entries(mayImport).map(([name, allowed]) => ({
  files: [`packages/${name}/src/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: `^@nephoscope/(?!(${[...allowed, name].join('|')})(/|$))`,
            message: `@nephoscope/${name} may import only: ${allowed.join(', ') || 'no other package'} (tools/presets/packages.mjs).`,
          },
          { group: ['**/packages/**'], message: 'Import another package by its name.' },
        ],
      },
    ],
  },
}));

/** Tests of a package see of the others what these export, too. Only their own package's inside is theirs. */
const testBoundary = {
  files: ['packages/*/test/**/*.ts', 'examples/*/test/**/*.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: '^(\\.\\./)+(packages/)?(?!src/)[^./][^/]*/src(/|$)',
            message: 'Import what another package exports, by its name; a test of its inside belongs to it.',
          },
        ],
      },
    ],
  },
};

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.nx/**', '.testbed/**'] },
  eslint.configs.recommended,
  tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: 'error',
    },
  },
  {
    files: ['packages/*/src/**/*.ts', 'examples/*/src/**/*.ts'],
    rules: {
      'no-console': 'error',
      'no-restricted-syntax': ['error', { selector: 'ExportAllDeclaration', message: 'Name what is exported.' }],
    },
  },
  {
    files: ['packages/bus-amqp/src/**/*.ts'],
    ignores: ['**/open-connection.ts', '**/broker-channel.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['amqplib', 'amqplib/**'], message: 'Ask through Connection: all of it ends in time.' },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
  ...boundaries,
  testBoundary,
);
