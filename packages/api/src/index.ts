export { apiProgram, createApi } from './program.js';
export type { ApiOptions } from './options.js';
