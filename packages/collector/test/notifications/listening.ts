import { NephoscopeError } from '@nephoscope/core';
import type { OutgoingMessage } from '@nephoscope/core/message-bus';
import { readMeteringMessage, splitMeteringBatch } from '@nephoscope/message';
import type { SignatureForm } from '@nephoscope/message';
import { FakeBus, FakeClock, RecordingLogger } from '@nephoscope/testing';
import type { FakeDelivery } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import type { ActiveHandler } from '../../src/notifications/handlers.js';
import { NotificationListener } from '../../src/notifications/listener.js';
import type { NotificationListenerParts } from '../../src/notifications/listener.js';
import { notificationsOptions } from '../../src/notifications/options.js';
import { metric, secret, until } from '../support.js';
import { active, enveloped, volumeCreated, volumePlugin, volumeSizePlugin } from './material.js';

export const never = () => new Promise<never>(() => undefined);
export const away = () => Promise.reject(new NephoscopeError('BUS_UNAVAILABLE', 'the broker is away'));

export const failingPlugin = active('failing', {
  processNotification: () => {
    throw new NephoscopeError('NOTIFICATION_FIELD', 'the notification has no payload.size');
  },
});

export async function started(
  handlers: readonly ActiveHandler[] = [volumePlugin, volumeSizePlugin],
  { prefetch, ...options }: Record<string, unknown> & { readonly prefetch?: number } = {},
  more: Partial<NotificationListenerParts> = {},
) {
  const [bus, clock, logger, registry] = [new FakeBus(), new FakeClock(), new RecordingLogger(), new Registry()];
  const listener = new NotificationListener({
    options: notificationsOptions.parse(options),
    ...(prefetch !== undefined && { prefetch }),
    source: 'openstack',
    host: 'controller-1',
    secrets: [secret],
    signature: 'canonical' as SignatureForm,
    bus,
    handlers,
    failedPlugins: 0,
    logger,
    clock,
    registry,
    ...more,
  });
  await listener.start();
  const told = (level: string) => logger.entries.filter((entry) => entry.level === level);
  const count = (name: string, labels?: Record<string, string>) =>
    metric(registry, `nephoscope_collector_${name}`, labels);
  const ofPlugin = (name: string, plugin: string) =>
    metric(registry, `nephoscope_plugin_${name}`, { namespace: 'collector', plugin });
  return { listener, bus, clock, logger, told, count, ofPlugin };
}

export const samples = (messages: readonly OutgoingMessage[]) =>
  messages.flatMap(({ body }) =>
    Array.from(splitMeteringBatch(body), (line) => readMeteringMessage(line as string).sample),
  );

/** Notifications like the example, with different ids. */
export const numbered = (index: number) => enveloped({ ...volumeCreated, message_id: `notification-${index}` });

export async function settled(...deliveries: readonly FakeDelivery[]): Promise<void> {
  await until('they are settled', () => deliveries.every(({ outcome }) => outcome !== undefined));
}

export const dead = (deadLetter: FakeDelivery) =>
  deadLetter.dead.map(({ reason, body }) => ({
    reason,
    body: JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>,
  }));
