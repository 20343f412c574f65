import type { Case } from '../../../../tools/api-cases/case.js';
import { complexCases } from './complex.js';
import { firstV2Cases } from './first-v2.js';
import { lastV2Cases } from './last-v2.js';
import { statisticsCases } from './statistics.js';
import { v1Cases } from './v1.js';
import { xmlCases } from './xml.js';

/** Written from what is known of Ceilometer's API and of our choices, all about the same samples. */
export const ownCases: readonly Case[] = [
  ...[...v1Cases, ...firstV2Cases, ...lastV2Cases],
  ...[...statisticsCases, ...complexCases, ...xmlCases],
];
