#!/usr/bin/env node
import {
  createReader,
  oversee,
  runCommand,
  startAll,
  stopAll,
  systemClock,
  untilAborted,
} from '@nephoscope/runtime';

import { apiProgram, createApi } from './program.js';

const help = {
  description: "Answers questions about recorded samples over HTTP, as Ceilometer's API v1 and v2 do.",
  notes: `Listens on loopback alone, without authentication: whoever can reach it sees all samples. While the database is
away, requests are answered with 503.
Signals: SIGTERM and SIGINT end the program within 10 s. Logs are JSON lines on standard error.`,
};

await runCommand(apiProgram, help, async ({ configured, logger, registry, stopped, title }) => {
  const { config, chosen } = configured;
  const settings = { logger: logger.child({ component: 'store' }), clock: systemClock, host: config.host };
  const reader = createReader(chosen['storage'], settings);
  const api = createApi({ options: config.api, reader, logger: logger.child({ component: 'api' }) });
  const oversight = oversee({
    checks: { store: () => reader.health() },
    status: config.status,
    ...{ registry, stopped, logger },
  });
  const components = [...oversight.components, api];
  try {
    await startAll(components, stopped, logger);
    oversight.running(title);
    await untilAborted(stopped);
  } finally {
    await stopAll(components, logger);
  }
});
