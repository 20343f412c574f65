import { createComputeAgent } from '@nephoscope/agent-compute';
import type { ComputeAgent } from '@nephoscope/agent-compute';
import { createCollector } from '@nephoscope/collector';
import type { MessageBus } from '@nephoscope/core/message-bus';
import type { SampleReader } from '@nephoscope/core/sample-store';
import { clockWatch, component, createPlugin, createReader, systemClock } from '@nephoscope/runtime';
import type { Component, Configured, RootLogger } from '@nephoscope/runtime';
import { Registry } from 'prom-client';

import type { upProgram } from '../program.js';
import { tapBus } from './bus-tap.js';
import type { TapListener } from './bus-tap.js';

export interface Deployment {
  readonly agent: ComputeAgent;
  readonly bus: MessageBus;
  /** Reads what the collector records. */
  readonly reader: SampleReader;
  /** In starting order: dependencies first. */
  readonly components: readonly Component[];
  /** Plugins that should run but do not; each was logged. */
  readonly failedPlugins: number;
}

/** Agent, bus, collector and store of one process. Nothing is started yet. */
export function createDeployment(
  configured: Configured<typeof upProgram.sections>,
  logger: RootLogger,
  listener: TapListener,
): Deployment {
  const { config, chosen } = configured;
  const registry = new Registry();
  const settings = { logger: logger.child({ component: 'bus' }), clock: systemClock, host: config.host };
  const bus = tapBus(createPlugin<MessageBus>(chosen['bus'], settings), listener);
  const { collector, retention, rollups, store } = createCollector(configured, { bus, logger, registry });
  const reader = createReader(chosen['storage'], {
    ...settings,
    logger: logger.child({ component: 'reader' }),
  });
  const compute = createComputeAgent(configured, { bus, logger, registry });
  const components = [
    clockWatch({ clock: systemClock, logger, registry }),
    component('store', store),
    component('reader', reader),
    component('bus', bus),
    collector,
    rollups,
    retention,
    ...compute.components,
  ];
  return { agent: compute.agent, bus, reader, components, failedPlugins: compute.failedPlugins };
}
