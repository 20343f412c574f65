export { default } from './tools/presets/eslint.mjs';
