import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describeError, isNephoscopeError } from '@nephoscope/core';
import type { CentralPollster, Clock, MessageBus } from '@nephoscope/core';
import { createPlugin, systemClock } from '@nephoscope/runtime';
import type { Configured, ProgramDefinition, RootLogger } from '@nephoscope/runtime';
import type { Registry } from 'prom-client';

import { CentralAgent } from './agent.js';
import type { CloudSession } from './cycle-cloud.js';
import type { ActivePollster } from './cycle.js';
import { centralSections } from './options.js';

/** The central agent as a program: its configuration and the plugins it takes. */
export const centralAgentProgram = {
  name: 'nephoscope-agent-central',
  directory: dirname(dirname(fileURLToPath(import.meta.url))),
  sections: centralSections,
  chosen: { bus: 'bus' },
  selected: { central: { namespace: 'poll.central', options: 'pollsters' } },
} as const satisfies ProgramDefinition<typeof centralSections>;

/** Puts a central agent together from its configuration. Nothing is started yet. */
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

  const { active = [], inactive = [] } = selected['central'] ?? {};
  const failed = (pollster: string, error: unknown) =>
    logger.error(
      { err: error, pollster },
      `the pollster '${pollster}' does not run, its meters are missing: ${describeError(error)}`,
    );
  const failures = inactive.filter(({ failure }) => failure !== undefined);
  for (const { declared, failure } of failures) failed(declared.name, failure);
  let failedPlugins = failures.length;

  const pollsters = active.flatMap((one): ActivePollster[] => {
    const { name } = one.declared;
    try {
      const settings = { logger: logger.child({ component: name }), clock, host: config.host };
      return [{ name, meters: one.plugin.meters, pollster: createPlugin<CentralPollster>(one, settings) }];
    } catch (error) {
      if (isNephoscopeError(error, 'PLUGIN_DECLINED')) {
        logger.info({ pollster: name }, `the pollster '${name}' does not run: ${error.message}`);
      } else {
        failed(name, error);
        failedPlugins += 1;
      }
      return [];
    }
  });

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
