import { parseTimestamp } from '@nephoscope/core';
import type { Counter, Meter } from '@nephoscope/core';
import { PayloadReader } from '@nephoscope/core/notification';
import type { Notification } from '@nephoscope/core/notification';

import { requestId } from './event-id.js';
import { unversionedPublisher } from './instance-event.js';
import { defineNovaPlugin } from './nova-plugin.js';

const unversionedType = 'compute.metrics.update';
const versionedType = 'metrics.update';

/** A notification about a compute node, in the same shape for both forms. */
interface NodeEvent {
  readonly resourceId: string;
  readonly metrics: readonly NodeMetric[];
}

interface NodeMetric {
  readonly name: string;
  readonly source: string | null;
  readonly amount: () => number | bigint;
  /** A whole number of percent. */
  readonly percent: () => number | bigint;
  readonly time: () => string;
}

/** Defines a plugin that makes a counter of each metric of a compute node, with `compute.node.` before its name. */
export function defineNodeMeters(byMetric: Readonly<Record<string, Omit<Meter, 'name'>>>) {
  const meters = new Map(
    Object.entries(byMetric).map(([metric, meter]) => [metric, { name: `compute.node.${metric}`, ...meter }]),
  );

  function* processNotification(notification: Notification): Iterable<Counter> {
    const { resourceId, metrics } = readNodeEvent(notification);
    for (const metric of metrics) {
      const meter = meters.get(metric.name);
      if (meter === undefined) continue;
      const { name, type, unit } = meter;
      yield {
        name,
        type,
        unit,
        volume: unit === 'percent' ? metric.percent() : metric.amount(),
        userId: null,
        projectId: null,
        resourceId,
        timestamp: parseTimestamp(metric.time()),
        resourceMetadata: {
          event_type: unversionedType,
          host: unversionedPublisher(notification.publisherId),
          source: metric.source,
        },
      };
    }
  }

  return defineNovaPlugin({
    meters: [...meters.values()],
    unversionedTypes: [unversionedType],
    versionedTypes: [versionedType],
    eventId,
    processNotification,
  });
}

/** Nova's periodic task sends one notification per node and run, in both forms with the run's request id. */
function eventId(notification: Notification): string {
  const request = requestId(notification);
  return request === null
    ? notification.messageId
    : [unversionedType, readNodeEvent(notification).resourceId, request].join(' ');
}

function readNodeEvent({ eventType, payload, timestamp }: Notification): NodeEvent {
  const isVersioned = eventType === versionedType;
  const node = isVersioned ? new PayloadReader(payload).inner('nova_object.data') : new PayloadReader(payload);
  return {
    resourceId: `${node.text('host')}_${node.text('nodename')}`,
    metrics: node
      .list('metrics')
      .map((metric) =>
        isVersioned ? versioned(metric.inner('nova_object.data'), timestamp) : unversioned(metric),
      ),
  };
}

function unversioned(metric: PayloadReader): NodeMetric {
  const amount = () => metric.amount('value');
  return { ...named(metric), amount, percent: () => percentOf(amount()), time: () => metric.text('timestamp') };
}

/** This form has percentages, and truncates the metric's time, shortly before the notification's, to the second. */
function versioned(metric: PayloadReader, timestamp: string): NodeMetric {
  const amount = () => metric.amount('value');
  return { ...named(metric), amount, percent: amount, time: () => timestamp };
}

const named = (metric: PayloadReader) => ({ name: metric.text('name'), source: metric.optionalText('source') });

/**
 * Nova has whole percentages and divides them by 100; most hundredths are not binary fractions: 0.57 * 100 is
 * 56.99999999999999.
 */
function percentOf(fraction: number | bigint): number {
  const percent = Number(fraction) * 100;
  const whole = Math.round(percent);
  return whole / 100 === Number(fraction) ? whole : percent;
}
