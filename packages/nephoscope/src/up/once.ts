import { NephoscopeError } from '@nephoscope/core';
import type { OutgoingMessage } from '@nephoscope/core/message-bus';
import { meteringTexts, readMeteringMessage } from '@nephoscope/message';
import { configure, startAll, stopAll, systemClock } from '@nephoscope/runtime';
import type { RawConfig } from '@nephoscope/runtime';

import { print } from '../output.js';
import { createPlainLogger } from '../plain-log.js';
import { installedPlugins, upProgram } from '../program.js';
import { withProgress } from '../progress.js';
import { deadline } from '../run.js';
import { createDeployment } from './deployment.js';
import type { Deployment } from './deployment.js';
import { RecordedSeries } from './recorded-series.js';
import { seriesTable } from './series-table.js';

const pause = 3_000;
const startTime = 30_000;
// The agent limits a reading to 30 s by default; then the bus confirms.
const cycleTime = 90_000;
const commitTime = 10_000;

/**
 * Runs two cycles a few seconds apart, and prints a table of their samples in the store.
 *
 * @throws what failed; SAMPLES_UNRECORDED if a sent sample is not in the store
 */
export async function upOnce(raw: RawConfig, signal: AbortSignal): Promise<void> {
  const configured = await configure(upProgram, raw, installedPlugins());
  const logger = createPlainLogger(configured.config.log.level === 'error' ? 'error' : 'warn');
  for (const warning of configured.warnings) logger.warn({}, warning);
  const since = systemClock.now();
  const sent = new Set<string>();
  const deployment = createDeployment(configured, logger, {
    sent: (message) => {
      for (const id of messageIds(message, since)) sent.add(id);
    },
    settled: () => undefined,
  });
  const { agent, components, failedPlugins } = deployment;
  const recorded = new RecordedSeries(since);

  await withProgress(
    'Starting store, bus, collector and agent',
    startAll(components, deadline(signal, startTime, 'not started'), logger),
  );
  try {
    for (const cycle of [1, 2]) {
      if (cycle === 2) await withProgress(`Waiting ${pause / 1_000} s`, systemClock.sleep(pause, signal));
      await withProgress(
        `Reading the hypervisor, ${cycle} of 2`,
        agent.once(deadline(signal, cycleTime, 'not read and sent')),
      );
      await withProgress(
        `Looking up ${sent.size} samples in the store`,
        untilRecorded(deployment, sent, recorded, since, signal),
      );
    }
  } finally {
    await stopAll(components, logger);
  }
  await print(
    recorded.all.length === 0
      ? 'No instance runs on this host: nothing was recorded.\n'
      : `${seriesTable(recorded.all)}\n`,
  );
  if (failedPlugins > 0)
    throw new NephoscopeError(
      'PLUGINS_FAILED',
      `${failedPlugins} plugins do not run: their meters are missing (see above)`,
    );
}

/** Samples that an earlier run could not send may be sent first; they are not part of this run. */
function* messageIds({ body, contentType }: OutgoingMessage, since: bigint): Generator<string> {
  for (const text of meteringTexts(body, contentType)) {
    if (typeof text !== 'string') continue;
    const { sample } = readMeteringMessage(text);
    if (sample.timestamp >= since) yield sample.messageId;
  }
}

async function untilRecorded(
  { reader }: Deployment,
  sent: ReadonlySet<string>,
  recorded: RecordedSeries,
  since: bigint,
  signal: AbortSignal,
): Promise<void> {
  const end = systemClock.monotonic() + BigInt(commitTime) * 1_000_000n;
  for (;;) {
    let found = 0;
    for await (const sample of reader.samples({ scope: 'all', start: since }, signal)) {
      if (!sent.has(sample.messageId)) continue;
      found += 1;
      recorded.add(sample);
    }
    if (found === sent.size) return;
    if (systemClock.monotonic() > end) {
      throw new NephoscopeError(
        'SAMPLES_UNRECORDED',
        `${sent.size - found} of ${sent.size} samples were sent and are not in the store: look for what the collector refused, or for another collector on the same queue`,
      );
    }
    await systemClock.sleep(100, signal);
  }
}
