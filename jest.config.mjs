import { preset } from './tools/presets/jest.mjs';

export default {
  ...preset,
  roots: ['<rootDir>/packages', '<rootDir>/examples', '<rootDir>/tools'],
  modulePathIgnorePatterns: ['/dist/'],
};
