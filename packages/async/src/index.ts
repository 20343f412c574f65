export { Backoff } from './backoff.js';
export { deadline } from './deadline.js';
export { LogLimit } from './log-limit.js';
export { Mutex } from './mutex.js';
export { orAborted } from './or-aborted.js';
export { retry } from './retry.js';
