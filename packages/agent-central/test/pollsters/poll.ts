import type { Counter, Missing, Plugin, ServiceSettings } from '@nephoscope/core';
import type { CentralPollster, Cloud } from '@nephoscope/core/pollster';
import { cloudFigureReader } from '@nephoscope/runtime/replies';
import { FakeClock, RecordingLogger } from '@nephoscope/testing';

export interface Polled {
  readonly counters: readonly Counter[];
  readonly warned: readonly string[];
  readonly missing: readonly { readonly meter: string; readonly reason: Missing; readonly resourceId: string }[];
}

/** One poll by a new pollster, with these settings of its service. @throws what it throws */
export async function poll<Options>(
  plugin: Plugin<'poll.central', Options, CentralPollster>,
  cloud: Cloud,
  service: ServiceSettings = {},
): Promise<Polled> {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const options = plugin.options.parse({});
  const pollster = plugin.create({ options, service, clock, logger, host: 'controller-1' });
  const read = cloudFigureReader(plugin.meters);
  const counters: Counter[] = [];
  const missing: Polled['missing'][number][] = [];
  const { signal } = new AbortController();
  for await (const item of await pollster.getCounters(cloud, signal)) {
    const figure = read(item, () => clock.now());
    if ('counter' in figure) counters.push(figure.counter);
    else
      missing.push({
        meter: figure.missingFigure.name,
        reason: figure.missingFigure.reason,
        resourceId: figure.missingFigure.resourceId,
      });
  }
  const warned = logger.entries.filter(({ level }) => level === 'warn').map(({ message }) => message);
  return { counters, missing, warned };
}

/** `name resource volume unit` of each counter, sorted. */
export const brief = ({ counters }: Polled) =>
  counters.map(({ name, resourceId, volume, unit }) => `${name} ${resourceId} ${volume} ${unit}`).sort();
