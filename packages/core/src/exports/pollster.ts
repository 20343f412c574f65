export type { Cloud, CloudHead, CloudList, CloudService } from '../cloud.js';
export type { Plugging, TotalPart } from '../counter.js';
export { defineCentralPollster, definePollster } from '../plugin.js';
export type { ComputePollsterPlugin } from '../plugin.js';
export type {
  CentralPollster,
  CloudFigure,
  ComputePollster,
  Counters,
  Figure,
  Inspection,
  MissingFigure,
  Poll,
  Total,
} from '../pollster.js';
