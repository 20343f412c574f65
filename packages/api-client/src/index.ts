export { createClient } from './client.js';
export type { ApiClient, ApiClientOptions } from './client.js';
export { readExport } from './read-export.js';
export type { components, paths } from './schema.js';
