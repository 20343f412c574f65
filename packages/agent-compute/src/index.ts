export { ComputeAgent } from './agent.js';
export type { ComputeAgentParts } from './agent.js';
export type { ComputeOptions } from './options.js';
export { droppedMeter } from './message-writer.js';
export type { ActivePollster } from './poll-group.js';
export { computeAgentProgram, createComputeAgent } from './program.js';
