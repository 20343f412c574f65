import { recordedNotifications } from '@nephoscope/testing';

import { contradiction } from '../../src/notifications/contradiction.js';
import { momentOf, saidOf } from '../../src/notifications/times.js';

it('notifications of real services contain no contradictions', () => {
  const recorded = ['cinder', 'glance', 'neutron', 'nova', 'swift'].flatMap((service) =>
    recordedNotifications(new URL(`../../../notifier-${service}/test/captures/`, import.meta.url)),
  );
  const found = recorded.map(({ name, notification }) => [name, contradiction(notification)]);
  expect(found.filter(([, why]) => why !== undefined)).toEqual([]);
  // Their times were found.
  const timed = recorded.filter(
    ({ notification }) => momentOf(saidOf(notification).value('created_at')) !== undefined,
  );
  expect(timed.length).toBeGreaterThan(100);
});
