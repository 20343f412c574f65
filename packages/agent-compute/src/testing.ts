/**
 * The agent's inside for tests that break what is around it, such as `npm run test:chaos`: its parts, and how to read what its
 * spool has on disk. It changes with the agent, without notice.
 */
export { Failures } from './failures.js';
export { createAgentMetrics } from './metrics.js';
export { computeOptions } from './options.js';
export { Outbox } from './outbox.js';
export type { Taken } from './poll-instance.js';
export { AppendReader } from './spool/append-reader.js';
export { parseSegmentName, readSegment } from './spool/segment.js';
