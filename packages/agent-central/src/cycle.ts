import { setImmediate as turn } from 'node:timers/promises';

import { NephoscopeError, counterReader, isNephoscopeError, meterStem, readMissing } from '@nephoscope/core';
import type { CentralPollster, Clock, Cloud, Logger, Meter } from '@nephoscope/core';
import { asPlugin, orAborted, runPluginCode } from '@nephoscope/runtime';

import { Findings } from './findings.js';
import type { AgentMetrics } from './metrics.js';
import { SampleStream } from './sample-stream.js';
import type { Sending } from './sample-stream.js';

/** A central pollster and what it declares. */
export interface ActivePollster {
  readonly name: string;
  readonly meters: readonly Meter[];
  readonly pollster: CentralPollster;
  /** Its lines bear the pollster's name. By default the agent's. */
  readonly logger?: Logger | undefined;
}

export interface CycleTools {
  readonly sending: Sending;
  readonly cloud: Cloud;
  /** The services that do not answer now, each with the reason. */
  readonly away: () => readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
  /** Names of pollsters that have not come back from an earlier cycle. Lives longer than a cycle. */
  readonly pending: Set<string>;
}

export interface CycleResult {
  readonly sent: number;
  readonly unsent: number;
  /** Why samples are unsent. */
  readonly failure: unknown;
  /** Names of pollsters of which counters are missing. */
  readonly failed: readonly string[];
}

/**
 * Runs all pollsters at once and sends what they make as it comes. What one does wrong, and what is not done when
 * `reading` is aborted, is a failure of that pollster; its counters until then are sent.
 *
 * @param time of the cycle, ns since 1970 UTC
 * @param reading its reason is CYCLE_TIMEOUT when the time is over
 * @param sendable ends the tries to publish; aborted after `reading`, or with it
 */
export async function runCycle(
  time: bigint,
  pollsters: readonly ActivePollster[],
  tools: CycleTools,
  reading: AbortSignal,
  sendable: AbortSignal,
): Promise<CycleResult> {
  const runs = pollsters.map((pollster) => {
    const { name } = pollster;
    const findings = new Findings(name, tools.metrics, tools.logger);
    const stream = new SampleStream(tools.sending, time, name, sendable);
    return { name, findings, stream, ended: runPollster(pollster, tools, findings, stream, reading) };
  });
  await Promise.all(runs.map(({ ended }) => ended));
  for (const { findings } of runs) findings.tell();
  const unsent = runs.map(({ stream }) => stream.unsent).filter(({ samples }) => samples > 0);
  return {
    sent: sum(runs.map(({ stream }) => stream.sent)),
    unsent: sum(unsent.map(({ samples }) => samples)),
    failure: unsent[0]?.failure,
    failed: runs.filter(({ findings }) => findings.failed).map(({ name }) => name),
  };
}

/** Never rejects. */
async function runPollster(
  { name, meters, pollster, logger: own }: ActivePollster,
  { away, cloud, clock, logger, metrics, pending }: CycleTools,
  findings: Findings,
  stream: SampleStream,
  reading: AbortSignal,
): Promise<void> {
  if (pending.has(name)) {
    findings.addFailure(
      new NephoscopeError(
        'POLLSTER_PENDING',
        'it has not come back from an earlier cycle, and is not called again until it has',
      ),
    );
    return;
  }
  const declared = new Set(meters.map((meter) => meterStem(meter.name)));
  const read = counterReader(meters);
  const take = (given: unknown) => {
    try {
      stream.add(read(given).counter);
    } catch (error) {
      findings.addFailure(error);
    }
  };
  const poll = async () => {
    const counters = await runPluginCode(name, () =>
      pollster.getCounters({
        ...{ cloud, clock, logger: own ?? logger, signal: reading },
        missing: (meter, reason, resourceId) => {
          if (!declared.has(meterStem(meter))) throw undeclared(meter);
          findings.addGap(meter, readMissing(reason), String(resourceId).slice(0, 255));
        },
      }),
    );
    let inOneGo = 0;
    for await (const counter of counters) {
      // Nobody waits for it any more.
      if (reading.aborted) return;
      take(counter);
      if (stream.isFull) await asPlugin(undefined, () => stream.flush());
      // One that never waits for anything would keep everybody else from their turn.
      if (++inOneGo % 1_000 === 0) await turn();
    }
  };
  pending.add(name);
  const ended = metrics.pollDuration.startTimer({ pollster: name });
  try {
    await orAborted(
      asPlugin(name, poll).finally(() => pending.delete(name)),
      reading,
    );
  } catch (error) {
    // A cycle that is given up since the agent stops or lost the lock is nobody's failure.
    if (!reading.aborted) findings.addFailure(error);
    else if (isNephoscopeError(reading.reason, 'CYCLE_TIMEOUT'))
      findings.addFailure(timedOut(reading.reason, away()));
  }
  await stream.flush();
  ended();
}

function undeclared(meter: string): NephoscopeError {
  return new NephoscopeError(
    'METER_UNDECLARED',
    `the meter '${meter}' is not in the plugin's table: add it to 'meters'`,
  );
}

/** Who waits for keystone until the end knows no other reason. */
function timedOut(reason: Error, away: readonly string[]): NephoscopeError {
  const meanwhile = away.length === 0 ? '' : `, while a service did not answer (${away.join('; ')})`;
  return new NephoscopeError('POLLSTER_TIMEOUT', `it was not done when the cycle ended${meanwhile}`, {
    cause: reason,
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, number) => all + number, 0);
}
