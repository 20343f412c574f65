import { recordedNotifications } from '@nephoscope/testing';

import { contradiction } from '../../src/notifications/contradiction.js';
import { momentOf, saidOf } from '../../src/notifications/times.js';

it('nothing that real services announced contradicts itself', () => {
  const recorded = ['cinder', 'glance', 'neutron', 'nova', 'swift'].flatMap((service) =>
    recordedNotifications(new URL(`../../../notifier-${service}/test/captures/`, import.meta.url)),
  );
  const found = recorded.map(({ name, notification }) => [name, contradiction(notification)]);
  expect(found.filter(([, why]) => why !== undefined)).toEqual([]);
  // Their times are read at all.
  const timed = recorded.filter(
    ({ notification }) => momentOf(saidOf(notification).value('created_at')) !== undefined,
  );
  expect(timed.length).toBeGreaterThan(100);
});
