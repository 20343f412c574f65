import { explain } from './explain.js';
import { getStatistics, getUsage } from './figures.js';
import { getHistory } from './history.js';
import { getResource, listMeters, listProjects, listResources } from './inventory.js';
import type { Route } from './route.js';
import { getSample, listSamples } from './samples.js';

/** Every route below `/v3` that answers from samples. */
export const routes: readonly Route[] = [
  listSamples,
  getSample,
  listResources,
  getResource,
  getHistory,
  listMeters,
  listProjects,
  getUsage,
  getStatistics,
  explain,
];
