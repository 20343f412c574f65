export { cloudFigureReader } from './replies/cloud-figure.js';
export type { ReadCloudFigure } from './replies/cloud-figure.js';
export { counterReader } from './replies/counter.js';
export { figureReader } from './replies/figure.js';
export type { PolledCounter, PolledMissing, PolledTotal, ReadFigure } from './replies/figure.js';
export { maxCounters } from './replies/item.js';
export { KnownResources } from './replies/known-resources.js';
