#!/usr/bin/env node
import type { Health } from '@nephoscope/core';
import { createSession, readCloud } from '@nephoscope/openstack';
import {
  createBus,
  createReader,
  hideInLogs,
  oversee,
  runBesideBus,
  runCommand,
  startAll,
  stopAll,
  systemClock,
  untilAborted,
} from '@nephoscope/runtime';

import { createSamplePublisher } from './ceilometer/posting/sample-publisher.js';
import { apiProgram, createApi } from './program.js';

const help = {
  description:
    "Answers questions about recorded samples over HTTP, as Ceilometer's API v1 and v2 do, and exactly at /v3.",
  notes: `With api.access, callers need a token and see what it is for. Without it the program listens on loopback alone, and
whoever can reach it sees all samples. While the database is away, requests are answered with 503.
Signals: SIGTERM and SIGINT end the program within 10 s. Logs are JSON lines on standard error.`,
};

await runCommand(apiProgram, help, async (started) => {
  const { configured, logger, registry, stopped, title } = started;
  const { config, chosen } = configured;
  const settings = { logger: logger.child({ component: 'store' }), clock: systemClock, host: config.host };
  const reader = createReader(chosen['storage'], settings);
  const session = config.api.access.keystone
    ? createSession(await readCloud(config.openstack, process.env), {
        logger: logger.child({ component: 'openstack' }),
        // Short, because a client is waiting for the reply.
        timeLimit: 3_000,
      })
    : undefined;
  hideInLogs((text) => session?.hide(text) ?? text);
  const { secrets } = config;
  const bus = config.api.posting ? createBus(started) : undefined;
  const publisher = bus === undefined ? undefined : createSamplePublisher(config, bus, systemClock);
  const api = createApi({
    ...{ options: config.api, reader, session, secrets, publisher },
    logger: logger.child({ component: 'api' }),
  });
  const oversight = oversee({
    checks: {
      store: () => reader.health(),
      ...(bus !== undefined && { bus: () => bus.health() }),
      ...(session !== undefined && { keystone: () => keystoneHealth(session.away()) }),
    },
    status: config.status,
    ...{ registry, stopped, logger },
  });
  const components = [...oversight.components, api];
  const run = async () => {
    oversight.running(title);
    await untilAborted(stopped);
  };
  const runAlone = async () => {
    try {
      await startAll(components, stopped, logger);
      await run();
    } finally {
      await stopAll(components, logger);
    }
  };
  try {
    // Reading goes on while there is no bus.
    if (bus === undefined) await runAlone();
    else await runBesideBus({ bus, components, run, stopped, logger });
  } finally {
    await session?.close();
  }
});

function keystoneHealth(away: readonly string[]): Health {
  return away.length === 0 ? { ok: true } : { ok: false, reason: away.join('; ') };
}
