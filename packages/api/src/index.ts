export { TokenStore } from './access/token-store.js';
export type { TokenRecord } from './access/token-store.js';
export { createSamplePublisher } from './ceilometer/posting/sample-publisher.js';
export { apiProgram, createApi } from './program.js';
export type { ApiOptions } from './options.js';
export { openApiDocument } from './v3/openapi.js';
export { problemKinds, problemType } from './v3/problem.js';
