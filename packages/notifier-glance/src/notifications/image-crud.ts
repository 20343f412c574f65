import type { Meter } from '@nephoscope/core';

import { defineGlancePlugin, imageCounter, imageEvents } from '../image-notifications.js';

const descriptions: Record<(typeof imageEvents)[number], string> = {
  'image.update': 'Changes of the image; glance announces several while data is uploaded',
  'image.upload': 'Uploads of the image’s data',
  'image.delete': 'Deletion of the image',
};

const meters = imageEvents.map((name): Meter => ({
  name,
  type: 'delta',
  unit: 'image',
  description: descriptions[name],
}));

export default defineGlancePlugin({
  eventTypes: imageEvents,
  meters,
  *counters(notification, payload) {
    for (const meter of meters) {
      if (meter.name === notification.eventType) yield imageCounter(notification, meter, payload, 1);
    }
  },
});
