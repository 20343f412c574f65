import type { CentralPollster, Cloud, Counter, Missing, Plugin, ServiceSettings } from '@nephoscope/core';
import { FakeClock, RecordingLogger } from '@nephoscope/testing';

export interface Polled {
  readonly counters: readonly Counter[];
  readonly warned: readonly string[];
  readonly gaps: readonly { readonly meter: string; readonly reason: Missing; readonly resourceId: string }[];
}

/** One poll of a new pollster, with these settings of its service. @throws what it throws */
export async function poll<Options>(
  plugin: Plugin<'poll.central', Options, CentralPollster>,
  cloud: Cloud,
  service: ServiceSettings = {},
): Promise<Polled> {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const options = plugin.options.parse({});
  const pollster = plugin.create({ options, service, clock, logger, host: 'controller-1' });
  const counters: Counter[] = [];
  const gaps: Polled['gaps'][number][] = [];
  const { signal } = new AbortController();
  const made = pollster.getCounters({
    ...{ cloud, clock, logger, signal },
    missing: (meter, reason, resourceId) => void gaps.push({ meter, reason, resourceId }),
  });
  for await (const counter of await made) counters.push(counter);
  const warned = logger.entries.filter(({ level }) => level === 'warn').map(({ message }) => message);
  return { counters, gaps, warned };
}

/** `name resource volume unit` of each, sorted. */
export const brief = ({ counters }: Polled) =>
  counters.map(({ name, resourceId, volume, unit }) => `${name} ${resourceId} ${volume} ${unit}`).sort();
