import type { Meter } from '@nephoscope/core';

import { defineGlancePlugin, imageCounter, imageEvents } from '../image-notifications.js';

const meter: Meter = { name: 'image.size', type: 'gauge', unit: 'B', description: 'Size of the image’s data' };

export default defineGlancePlugin({
  eventTypes: imageEvents,
  meters: [meter],
  *counters(notification, payload) {
    // An image without data has no size yet, and glance sends null.
    if (notification.payload['size'] === null) return;
    yield imageCounter(notification, meter, payload, payload.amount('size'));
  },
});
