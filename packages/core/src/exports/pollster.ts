export type { Cloud, CloudHead, CloudList, CloudService } from '../cloud.js';
export type { Plugging, Total, TotalPart } from '../counter.js';
export { defineCentralPollster, definePollster } from '../plugin.js';
export type { ComputePollsterPlugin } from '../plugin.js';
export type {
  CentralPollManager,
  CentralPollster,
  ComputePollManager,
  ComputePollster,
  Counters,
  Inspection,
} from '../pollster.js';
