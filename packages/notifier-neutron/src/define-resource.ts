import { NephoscopeError, describeError } from '@nephoscope/core';
import type { Meter } from '@nephoscope/core';
import { PayloadReader, defineServiceNotifications, notificationCounter } from '@nephoscope/core/notification';
import type { NotificationFigure } from '@nephoscope/core/notification';

import { announced } from './announced.js';

const changes = ['create', 'update', 'delete'] as const;

/** A kind of resource in neutron's notifications. */
export interface NeutronResource {
  /** Its name in event types and payloads. */
  readonly name: string;
  /** The gauge of its existence; `.create`, `.update` and `.delete` are counted in addition. */
  readonly meter: string;
  readonly unit: string;
  /** For use in a sentence, without an article. */
  readonly description: string;
  /** The fields of the resource that become metadata. */
  readonly metadata: readonly string[];
}

/** Defines a plugin that makes counters of neutron's notifications about one kind of resource. */
export function defineResource({ name, meter, unit, description, metadata }: NeutronResource) {
  const existence: Meter = { name: meter, type: 'gauge', unit, description: `Existence of the ${description}` };
  const events = changes.map((change) => ({
    eventType: `${name}.${change}.end`,
    meter: {
      name: `${meter}.${change}`,
      type: 'delta',
      unit,
      description: `The ${description} was ${change}d`,
    } satisfies Meter,
  }));
  return defineServiceNotifications({
    service: 'neutron',
    exchanges: ['neutron'],
    publishers: ['network.*'],
    eventTypes: [...events.map(({ eventType }) => eventType), `${name}.exists`],
    meters: [existence, ...events.map((event) => event.meter)],
    *counters(notification) {
      const change = events.find(({ eventType }) => eventType === notification.eventType);
      const userId = new PayloadReader(notification.context, 'context').optionalText('user_id');
      const failures: unknown[] = [];
      const resources = announced(name, notification);
      for (const read of resources) {
        let figure: NotificationFigure;
        try {
          const { id, fields } = read();
          figure = {
            volume: 1,
            resourceId: id,
            projectId: fields.optionalText('tenant_id') ?? fields.optionalText('project_id'),
            userId,
            metadata: fields.pick(metadata),
          };
        } catch (error) {
          failures.push(error);
          continue;
        }
        yield notificationCounter(notification, existence, figure);
        if (change !== undefined) yield notificationCounter(notification, change.meter, figure);
      }
      if (failures.length === 0) return;
      if (resources.length === 1) throw failures[0];
      throw new NephoscopeError(
        'NOTIFICATION_ITEMS',
        `${failures.length} of ${resources.length} are not counted: ${describeError(failures[0])}`,
        { cause: failures[0] },
      );
    },
  });
}
