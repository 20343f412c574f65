import { describeError, isNephoscopeError } from '@nephoscope/core';
import { configure, createLogger, startAll, stopAll, systemClock, untilAborted } from '@nephoscope/runtime';
import type { RawConfig, RootLogger } from '@nephoscope/runtime';

import { printNote } from '../output.js';
import { createPlainLogger } from '../plain-log.js';
import { installedPlugins, upProgram } from '../program.js';
import { withProgress } from '../progress.js';
import { createDeployment } from './deployment.js';
import { RecordedSeries } from './recorded-series.js';
import type { Series } from './recorded-series.js';
import { createHttpApi } from './http-api.js';
import { Refresher } from './refresher.js';
import { createLineView, createTerminalView } from './views.js';

// The messages of a cycle are committed within milliseconds of each other: one query for all.
const gather = 200;
/** An instance without samples for this many intervals is removed. */
const intervalsKept = 3n;

/** Runs until `signal` is aborted and shows new samples in the store as they are recorded. */
export async function upLive(
  raw: RawConfig,
  signal: AbortSignal,
  useLogger: (logger: RootLogger) => void,
): Promise<void> {
  const configured = await configure(upProgram, raw, installedPlugins());
  const { compute, log } = configured.config;
  const inTerminal = process.stdout.isTTY === true;
  const view = inTerminal ? await createTerminalView() : createLineView();
  const logger = inTerminal
    ? createPlainLogger(log.level === 'error' ? 'error' : 'warn', (line) => view.above(line))
    : createLogger({ name: upProgram.name, level: log.level });
  useLogger(logger);
  for (const warning of configured.warnings) logger.warn({}, warning);

  const longestInterval = Math.max(compute.interval, ...compute.groups.map(({ interval }) => interval));
  const recorded = new RecordedSeries(systemClock.now());
  const refresher = new Refresher(gather, async () => {
    const changed: Series[] = [];
    try {
      for await (const sample of reader.samples({ scope: 'all', start: recorded.readFrom }, signal)) {
        const series = recorded.add(sample);
        if (series !== undefined) changed.push(series);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isNephoscopeError(error, 'STORE_UNAVAILABLE')) throw error;
      logger.warn({ err: error }, `the table is not up to date: ${describeError(error)}`);
    }
    recorded.forgetOlderThan(BigInt(longestInterval) * 1_000_000n * intervalsKept);
    if (changed.length > 0) await view.show(recorded, changed);
  });
  const {
    agent,
    bus,
    components: metering,
    reader,
  } = createDeployment(configured, logger, {
    sent: () => undefined,
    settled: () => refresher.request(),
  });
  const api = await createHttpApi(configured, logger, { bus, isAsked: (raw.values['api'] ?? null) !== null });
  const components = [...metering, api];

  await withProgress('Starting store, bus, collector, agent and API', startAll(components, signal, logger));
  try {
    const answers = api.url === '' ? '' : `answering at ${api.url}; `;
    printNote(`Reading every ${compute.interval / 1_000} s; ${answers}Ctrl-C ends.`);
    await Promise.race([agent.run(), untilAborted(signal), refresher.failed]);
  } finally {
    await refresher.stop();
    view.end();
    await stopAll(components, logger);
  }
}
