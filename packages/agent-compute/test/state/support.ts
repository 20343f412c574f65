import type { Counter } from '@nephoscope/core';
import { exampleInstance } from '@nephoscope/testing';

import type { Epochs } from '../../src/epochs.js';

/** Settles a reading of a cumulative counter and returns its epoch. */
export function settle(epochs: Epochs, id: string, volume: bigint, fields: Partial<Reading> = {}) {
  const { device = 'disk', run = 'r' } = fields;
  const counter: Counter = {
    ...{ name: 'disk.device.read.bytes', type: 'cumulative', unit: 'B', volume },
    ...{ userId: null, projectId: null, resourceId: `${id}-${device}`, timestamp: 0n, resourceMetadata: {} },
  };
  return epochs.settle(counter, exampleInstance({ id, run: run === '' ? undefined : run }), 0)?.epoch;
}

interface Reading {
  readonly device: string;
  /** Empty for an instance that is shut off. */
  readonly run: string;
}
