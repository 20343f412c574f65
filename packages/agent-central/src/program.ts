import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Clock } from '@nephoscope/core';
import type { MessageBus } from '@nephoscope/core/message-bus';
import type { CentralPollster } from '@nephoscope/core/pollster';
import { createSelected, systemClock } from '@nephoscope/runtime';
import type { Configured, ProgramDefinition, RootLogger } from '@nephoscope/runtime';
import type { Registry } from 'prom-client';

import { CentralAgent } from './agent.js';
import type { CloudSession } from './cycle-cloud.js';
import type { ActivePollster } from './cycle.js';
import { centralSections } from './options.js';

/** The central agent as a program: its configuration and its kinds of plugins. */
export const centralAgentProgram = {
  name: 'nephoscope-agent-central',
  directory: dirname(dirname(fileURLToPath(import.meta.url))),
  sections: centralSections,
  chosen: { bus: 'bus' },
  selected: { central: { namespace: 'poll.central', options: 'pollsters' } },
} as const satisfies ProgramDefinition<typeof centralSections>;

/** Creates a central agent from its configuration. Nothing is started yet. */
export function createCentralAgent(
  configured: Pick<Configured<typeof centralSections>, 'config' | 'selected'>,
  around: {
    readonly bus: MessageBus;
    readonly session: CloudSession;
    readonly logger: RootLogger;
    readonly registry: Registry;
    readonly clock?: Clock;
  },
): { readonly agent: CentralAgent; readonly failedPlugins: number } {
  const { config, selected } = configured;
  const { bus, session, logger, registry, clock = systemClock } = around;

  const { made: pollsters, failedPlugins } = createSelected(
    'pollster',
    selected['central'],
    { logger, clock, host: config.host, services: config.services },
    (pollster: CentralPollster, { declared, plugin }): ActivePollster => ({
      name: declared.name,
      meters: plugin.meters,
      pollster,
    }),
  );

  const agent = new CentralAgent({
    options: config.central,
    source: config.source,
    host: config.host,
    secrets: config.secrets,
    session,
    bus,
    pollsters,
    failedPlugins,
    logger: logger.child({ component: 'agent' }),
    clock,
    registry,
  });
  return { agent, failedPlugins };
}
