import { NephoscopeError, parseTimestamp } from '@nephoscope/core';

import { defineInstanceMeter } from '../instance-meter.js';

export default defineInstanceMeter({
  meter: {
    name: 'compute.instance.booting.time',
    type: 'gauge',
    unit: 'sec',
    description: 'From the request for the instance until it ran; nova keeps the former in whole seconds',
  },
  events: ['create.end'],
  lessExactVersioned: true,
  volume({ instance }) {
    const taken = parseTimestamp(instance.text('launched_at')) - parseTimestamp(instance.text('created_at'));
    // Caused by clocks of different hosts. Ceilometer drops the sign.
    if (taken < 0n)
      throw new NephoscopeError(
        'NOTIFICATION_FIELD',
        'payload.launched_at of the notification is before payload.created_at',
      );
    return Number(taken) / 1e9;
  },
});
