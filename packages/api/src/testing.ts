/**
 * The API's inside, for tests and tools that ask it as callers of their own choice, such as `tools/api-cases`. It changes with the API,
 * without notice.
 */
export { AccessDenied } from './access/access-denied.js';
export { callerOf } from './access/roles.js';
export { createSamplePublisher } from './ceilometer/posting/sample-publisher.js';
export { apiOptions } from './options.js';
export { createServer, listen } from './server.js';
