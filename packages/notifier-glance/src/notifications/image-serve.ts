import type { Meter } from '@nephoscope/core';
import { notificationCounter } from '@nephoscope/core/notification';

import { defineGlancePlugin } from '../image-notifications.js';

const meter: Meter = {
  name: 'image.serve',
  type: 'delta',
  unit: 'B',
  description: 'Data of the image that was sent, to whomever, on its owner’s account',
};

export default defineGlancePlugin({
  eventTypes: ['image.send'],
  meters: [meter],
  *counters(notification, payload) {
    yield notificationCounter(notification, meter, {
      volume: payload.amount('bytes_sent'),
      resourceId: payload.text('image_id'),
      projectId: payload.optionalText('owner_id'),
      userId: null,
      metadata: payload.pick(['destination_ip', 'receiver_user_id', 'receiver_tenant_id']),
    });
  },
});
