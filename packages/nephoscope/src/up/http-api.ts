import { createApi, createSamplePublisher } from '@nephoscope/api';
import { describeError, isNephoscopeError } from '@nephoscope/core';
import type { MessageBus } from '@nephoscope/core/message-bus';
import { createSession, readCloud } from '@nephoscope/openstack';
import { createReader, hideInLogs, systemClock } from '@nephoscope/runtime';
import type { Component, Configured, RootLogger } from '@nephoscope/runtime';

import type { upProgram } from '../program.js';

export interface HttpApi extends Component {
  /** Where it answers; empty where it does not. */
  readonly url: string;
}

/**
 * The HTTP API beside the other programs, with a reader of its own, so that a long question does not hold up the table.
 *
 * @param isAsked whether the configuration has a section `api`: only then an address that is taken ends everything
 */
export async function createHttpApi(
  { config, chosen }: Configured<typeof upProgram.sections>,
  logger: RootLogger,
  { bus, isAsked }: { readonly bus: MessageBus; readonly isAsked: boolean },
): Promise<HttpApi> {
  const session = config.api.access.keystone
    ? createSession(await readCloud(config.openstack, process.env), {
        logger: logger.child({ component: 'openstack' }),
        timeLimit: 3_000,
      })
    : undefined;
  if (session !== undefined) hideInLogs((text) => session.hide(text));
  const settings = { logger: logger.child({ component: 'api-reader' }), clock: systemClock, host: config.host };
  const api = createApi({
    options: config.api,
    reader: createReader(chosen['storage'], settings),
    session,
    secrets: config.secrets,
    publisher: config.api.posting ? createSamplePublisher(config, bus, systemClock) : undefined,
    logger: logger.child({ component: 'api' }),
  });
  return {
    name: api.name,
    get url() {
      return api.url;
    },
    health: () => api.health?.() ?? { ok: true },
    async start(signal) {
      try {
        await api.start(signal);
      } catch (error) {
        if (isAsked || !isNephoscopeError(error, 'API_ADDRESS')) throw error;
        logger.warn({}, `the HTTP API is not there: ${describeError(error)}`);
        await api.stop();
      }
    },
    async stop() {
      await api.stop();
      await session?.close();
    },
  };
}
