import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts'],
  format: 'esm',
  target: 'node20',
  // `npm start` of Nephoscope's own repository builds everything without declarations.
  dts: process.env.BUILD_TYPES !== 'no',
  clean: true,
  silent: true,
});
