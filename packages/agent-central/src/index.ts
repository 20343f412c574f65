export { CentralAgent } from './agent.js';
export type { CentralAgentParts } from './agent.js';
export type { CloudSession } from './cycle-cloud.js';
export type { ActivePollster } from './cycle.js';
export type { CentralOptions } from './options.js';
export { centralAgentProgram, createCentralAgent } from './program.js';
