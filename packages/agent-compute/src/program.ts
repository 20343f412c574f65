import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Clock } from '@nephoscope/core';
import type { Inspector } from '@nephoscope/core/inspector';
import type { MessageBus } from '@nephoscope/core/message-bus';
import type { ComputePollsterPlugin } from '@nephoscope/core/pollster';
import { createSession, readCloud } from '@nephoscope/openstack';
import { component, createPlugin, createSelected, hideInLogs, systemClock } from '@nephoscope/runtime';
import type { Component, Configured, ProgramDefinition, RootLogger } from '@nephoscope/runtime';
import type { Registry } from 'prom-client';

import { ComputeAgent } from './agent.js';
import { createDiscoveryMetrics } from './discovery/discovery-metrics.js';
import { discoverByNova } from './discovery/nova-discovery.js';
import { createAgentMetrics } from './metrics.js';
import { computeSections } from './options.js';
import { Outbox } from './outbox.js';
import type { ActivePollster } from './poll-group.js';
import { blockingFile } from './state-directory.js';

/** Time limit for the start of an inspector, ms: one whose hypervisor is unavailable fails at once. */
const inspectorStart = 60_000;

/** The compute agent as a program: its configuration and its kinds of plugins. */
export const computeAgentProgram = {
  name: 'nephoscope-agent-compute',
  directory: dirname(dirname(fileURLToPath(import.meta.url))),
  sections: computeSections,
  chosen: { bus: 'bus', inspector: 'compute.virt' },
  selected: { compute: { namespace: 'poll.compute', options: 'pollsters' } },
  note: ({ compute }) => join(resolve(compute.stateDirectory), blockingFile),
} as const satisfies ProgramDefinition<typeof computeSections>;

/** Creates a compute agent from its configuration. Nothing is started yet. */
export function createComputeAgent(
  configured: Pick<Configured<typeof computeSections>, 'config' | 'chosen' | 'selected'>,
  around: {
    readonly bus: MessageBus;
    readonly logger: RootLogger;
    readonly registry: Registry;
    readonly clock?: Clock;
  },
): {
  readonly agent: ComputeAgent;
  readonly inspector: Inspector;
  /**
   * All components except the bus, in the order of their start: the spool of the last run is sent before anything can
   * be read.
   */
  readonly components: readonly Component[];
  /** Number of pollsters that should run but do not; each was logged. */
  readonly failedPlugins: number;
} {
  const { config, chosen, selected } = configured;
  const { bus, logger, registry, clock = systemClock } = around;
  const settings = (component: string) => ({ logger: logger.child({ component }), clock, host: config.host });

  const hypervisor = createPlugin<Inspector>(chosen['inspector'], settings('inspector'));
  const inspector =
    config.compute.discovery === 'nova'
      ? discoverByNova({
          ...settings('discovery'),
          inspector: hypervisor,
          // It may be waited for twice, and the cycle has more to do.
          timeLimit: config.compute.timeout / 4,
          connect: async () => {
            const session = createSession(await readCloud(config.openstack, process.env), {
              logger: logger.child({ component: 'openstack' }),
            });
            hideInLogs((text) => session.hide(text));
            return session;
          },
          metrics: createDiscoveryMetrics(registry),
        })
      : hypervisor;
  const { made: pollsters, failedPlugins } = createSelected(
    'pollster',
    selected['compute'],
    { logger, clock, host: config.host, note: computeAgentProgram.note(config) },
    (pollster: ActivePollster['pollster'], { declared, plugin }, suspended): ActivePollster => ({
      name: declared.name,
      plugin: plugin as ComputePollsterPlugin,
      pollster,
      suspendedUntil: suspended?.until,
    }),
  );

  const metrics = createAgentMetrics(registry);
  const outbox = new Outbox({
    options: config.compute,
    source: config.source,
    host: config.host,
    secrets: config.secrets,
    bus,
    metrics,
    logger: logger.child({ component: 'outbox' }),
    clock,
  });
  const agent = new ComputeAgent({
    options: config.compute,
    nova: config.services.nova,
    host: config.host,
    secrets: config.secrets,
    inspector,
    bus,
    outbox,
    pollsters,
    failedPlugins,
    logger: logger.child({ component: 'agent' }),
    clock,
    metrics,
  });
  const inspectorName = `the inspector '${chosen['inspector']?.declared.name}'`;
  return {
    agent,
    inspector,
    components: [outbox, component(inspectorName, inspector, inspectorStart), agent],
    failedPlugins,
  };
}
