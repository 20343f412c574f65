import type { Meter } from '@nephoscope/core';
import { PayloadReader, defineServiceNotifications, notificationCounter } from '@nephoscope/core/notification';

import { eventId, isRepeatedDeletion } from './event-id.js';
import type { CinderResource } from './resources.js';

/** Defines a plugin that makes one gauge of each notification about a kind of cinder's resources. */
export function defineGauge(
  resource: CinderResource,
  meter: Omit<Meter, 'type'>,
  volume: (payload: PayloadReader) => number | bigint,
) {
  const gauge: Meter = { ...meter, type: 'gauge' };
  return defineServiceNotifications({
    service: 'cinder',
    // Without a `control_exchange`, cinder publishes on oslo's default, `openstack`.
    exchanges: ['cinder', 'openstack'],
    // As in `volume.HOST@BACKEND`, with the kind of resource as prefix.
    publishers: [`${resource.kind}.*`],
    eventTypes: resource.actions.map((action) => `${resource.kind}.${action}`),
    meters: [gauge],
    eventId: (notification) => eventId(resource, notification),
    *counters(notification) {
      if (isRepeatedDeletion(resource, notification)) return;
      const payload = new PayloadReader(notification.payload);
      yield notificationCounter(notification, gauge, {
        volume: volume(payload),
        resourceId: payload.text(resource.id),
        projectId: payload.optionalText('tenant_id'),
        userId: payload.optionalText('user_id'),
        metadata: payload.pick(resource.metadata),
      });
    },
  });
}
