import type { Meter } from '@nephoscope/core';
import { notificationCounter } from '@nephoscope/core/notification';

import { defineGlancePlugin } from '../image-notifications.js';

const meter: Meter = {
  name: 'image.download',
  type: 'delta',
  unit: 'B',
  description: 'Data of the image that the project received',
};

export default defineGlancePlugin({
  eventTypes: ['image.send'],
  meters: [meter],
  *counters(notification, payload) {
    yield notificationCounter(notification, meter, {
      volume: payload.amount('bytes_sent'),
      resourceId: payload.text('image_id'),
      projectId: payload.optionalText('receiver_tenant_id'),
      userId: payload.optionalText('receiver_user_id'),
      metadata: payload.pick(['destination_ip', 'owner_id']),
    });
  },
});
