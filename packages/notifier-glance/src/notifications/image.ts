import type { Meter } from '@nephoscope/core';

import { defineGlancePlugin, imageCounter, imageEvents } from '../image-notifications.js';

const meter: Meter = { name: 'image', type: 'gauge', unit: 'image', description: 'Existence of the image' };

export default defineGlancePlugin({
  eventTypes: imageEvents,
  meters: [meter],
  *counters(notification, payload) {
    yield imageCounter(notification, meter, payload, 1);
  },
});
