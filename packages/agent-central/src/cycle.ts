import { setImmediate as tick } from 'node:timers/promises';

import { orAborted } from '@nephoscope/async';
import { NephoscopeError, isNephoscopeError } from '@nephoscope/core';
import type { Clock, Logger, Meter } from '@nephoscope/core';
import type { CentralPollster, Cloud } from '@nephoscope/core/pollster';
import { Pause, attributeTo } from '@nephoscope/runtime';
import { cloudFigureReader } from '@nephoscope/runtime/replies';
import type { ReadCloudFigure } from '@nephoscope/runtime/replies';

import { Findings } from './findings.js';
import type { AgentMetrics } from './metrics.js';
import { countersOf } from './plugin-counters.js';
import { SampleStream } from './sample-stream.js';
import type { Sending } from './sample-stream.js';

/** A central pollster and its plugin. */
export interface ActivePollster {
  readonly name: string;
  readonly meters: readonly Meter[];
  readonly pollster: CentralPollster;
}

/** The result for an item of the reply: empty for a failure. */
interface ReadItem {
  readonly item?: ReadCloudFigure;
  readonly size: number;
}

/** State of a pollster from earlier cycles. */
export class PollsterHistory {
  /** Whether it has not returned from one of them. */
  isPending = false;
  readonly pause = new Pause();
}

export interface CycleTools {
  readonly sending: Sending;
  readonly cloud: Cloud;
  /** The services that do not answer now, each with the reason. */
  readonly away: () => readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
  /** By name of the pollster; lives longer than a cycle. */
  readonly histories: ReadonlyMap<string, PollsterHistory>;
}

export interface CycleResult {
  readonly sent: number;
  readonly unsent: number;
  /** Why samples are unsent. */
  readonly failure: unknown;
  /** Names of pollsters with missing counters. */
  readonly failed: readonly string[];
}

/**
 * Runs all pollsters at once and sends their counters as they arrive. Errors of a pollster, and counters not ready
 * when `reading` is aborted, are a failure of that pollster; its counters until then are sent.
 *
 * @param cycle its name: repeating it makes the same samples
 * @param reading its reason is CYCLE_TIMEOUT when the time is over
 * @param sendable ends the attempts to publish; aborted after `reading`, or with it
 */
export async function runCycle(
  cycle: string,
  pollsters: readonly ActivePollster[],
  tools: CycleTools,
  reading: AbortSignal,
  sendable: AbortSignal,
): Promise<CycleResult> {
  const runs = pollsters.map((pollster) => {
    const { name } = pollster;
    const findings = new Findings(name, tools.metrics, tools.logger);
    const stream = new SampleStream(tools.sending, cycle, name, sendable);
    return { name, findings, stream, ended: runPollster(pollster, tools, findings, stream, reading) };
  });
  await Promise.all(runs.map(({ ended }) => ended));
  for (const { findings } of runs) findings.log();
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
  { name, meters, pollster }: ActivePollster,
  { away, cloud, clock, histories, metrics }: CycleTools,
  findings: Findings,
  stream: SampleStream,
  reading: AbortSignal,
): Promise<void> {
  const history = histories.get(name) as PollsterHistory;
  if (history.isPending) {
    findings.addFailure(
      new NephoscopeError(
        'POLLSTER_PENDING',
        'it has not returned from an earlier cycle, and is not called again until it does',
      ),
    );
    return;
  }
  const reader = cloudFigureReader(meters);
  const now = () => clock.now();
  const read = (given: unknown): ReadItem => {
    try {
      const item = reader(given, now);
      return { item, size: item.size };
    } catch (error) {
      findings.addFailure(error);
      return { size: 0 };
    }
  };
  const take = (item: ReadCloudFigure) => {
    if ('missingFigure' in item) {
      const { name: meter, reason, resourceId } = item.missingFigure;
      return findings.addMissing(meter, reason, resourceId);
    }
    try {
      stream.add(item.counter);
    } catch (error) {
      findings.addFailure(error);
    }
  };
  const poll = async () => {
    let inOneGo = 0;
    for await (const { item } of countersOf(
      () => pollster.getCounters(cloud, reading),
      (work) => history.pause.run(name, clock, work),
      read,
    )) {
      // No longer awaited.
      if (reading.aborted) return;
      if (item !== undefined) take(item);
      if (stream.isFull) await attributeTo(undefined, () => stream.flush());
      // A pollster that never awaits anything would block all others.
      if (++inOneGo % 1_000 === 0) await tick();
    }
  };
  history.isPending = true;
  const ended = metrics.pollsters.called(name);
  try {
    await orAborted(
      attributeTo(name, poll).finally(() => (history.isPending = false)),
      reading,
    );
  } catch (error) {
    // A cycle aborted because the agent stops or lost the lock is not a failure.
    if (!reading.aborted) findings.addFailure(error);
    else if (isNephoscopeError(reading.reason, 'CYCLE_TIMEOUT'))
      findings.addFailure(timedOut(reading.reason, away()));
  }
  await stream.flush();
  ended();
}

/** A pollster that waited for keystone until the end has no other reason. */
function timedOut(reason: Error, away: readonly string[]): NephoscopeError {
  const meanwhile = away.length === 0 ? '' : `, while a service did not answer (${away.join('; ')})`;
  return new NephoscopeError('POLLSTER_TIMEOUT', `it had not finished when the cycle ended${meanwhile}`, {
    cause: reason,
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, number) => all + number, 0);
}
