import type { MessageBus } from '@nephoscope/core/message-bus';
import { Secret } from '@nephoscope/core/options';
import { systemClock } from '@nephoscope/runtime';

import { createSamplePublisher } from '../src/ceilometer/posting/sample-publisher.js';
import type { SamplePublisher } from '../src/ceilometer/posting/sample-publisher.js';

export const secret = new Secret('5b3f0c1e-of-the-tests');

export function publisherOn(bus: MessageBus): SamplePublisher {
  return createSamplePublisher({ secrets: [secret], source: 'openstack', host: 'tests' }, bus, systemClock);
}
