import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import type { Counter, Plugin, ServiceSettings } from '@nephoscope/core';
import type { Notification, NotificationHandler } from '@nephoscope/core/notification';
import { wildcards } from '@nephoscope/core/options';

import { FakeClock } from './fake-clock.js';
import { RecordingLogger } from './recording-logger.js';
import { testFramework } from './test-framework.js';

/** A notification plugin made by `defineServiceNotifications`, whose exchanges the operator can set. */
export type NotifierPlugin = Plugin<'collector', unknown, NotificationHandler>;

/** The handler of a plugin with these settings of its service. */
export function handlerOf(plugin: NotifierPlugin, service: ServiceSettings = {}): NotificationHandler {
  return plugin.create({
    options: plugin.options.parse({}),
    service,
    logger: new RecordingLogger(),
    clock: new FakeClock(),
    host: 'controller-1',
  });
}

/** The counters that plugins with default options make of a notification. */
export function countersOf(notification: Notification, plugins: readonly NotifierPlugin[]): Counter[] {
  return plugins
    .map((plugin) => handlerOf(plugin))
    .filter(({ eventTypes }) => wildcards(eventTypes)(notification.eventType))
    .flatMap((handler) => [...handler.processNotification(notification)]);
}

/** A counter in one line: name, type, volume, unit, resource, project, user. */
export function counterLine({ name, type, volume, unit, resourceId, projectId, userId }: Counter): string {
  return `${name} ${type} ${volume} ${unit}, ${resourceId} of ${projectId} by ${userId}`;
}

interface Manifest {
  readonly nephoscope: { readonly collector: Readonly<Record<string, string>> };
  readonly exports: Readonly<Record<string, { readonly default: string }>>;
}

/** A package of such plugins. */
export interface NotifierPackage {
  /** Its `package.json`. */
  readonly manifest: URL;
  /** The exports of its sources. */
  readonly plugins: Readonly<Record<string, NotifierPlugin>>;
  /** The default exchanges of its plugins. */
  readonly exchanges: readonly string[];
  /** Recorded notifications of its service. */
  readonly recorded: readonly Notification[];
  /** Imports a source file; its path is relative to a folder beside `src`. */
  load(path: string): Promise<unknown>;
}

/** What such a package must declare, as tests. */
export function notifierPackageContract({ manifest, plugins, exchanges, recorded, load }: NotifierPackage): void {
  const { it } = testFramework();

  it('declares the exports that contain its plugins', async () => {
    const { nephoscope, exports } = JSON.parse(readFileSync(manifest, 'utf8')) as Manifest;
    const declared = Object.values(nephoscope.collector).map(async (path) => {
      const source = (exports[path] as { default: string }).default.replace('./dist/', '../src/');
      return ((await load(source)) as { default: unknown }).default;
    });
    assert.deepEqual(new Set(await Promise.all(declared)), new Set(Object.values(plugins)));
  });

  it('listens to the configured exchanges, and by default to those of the service', () => {
    const notificationTopics = ['notifications', 'metering'];
    const topics = ['notifications.info', 'metering.info'];
    for (const plugin of Object.values(plugins)) {
      assert.deepEqual(
        handlerOf(plugin).exchangeTopics({ notificationTopics }),
        exchanges.map((exchange) => ({ exchange, topics })),
      );
      assert.deepEqual(handlerOf(plugin, { exchange: ['mine'] }).exchangeTopics({ notificationTopics }), [
        { exchange: 'mine', topics },
      ]);
      assert.deepEqual(handlerOf(plugin, { topics: ['mine'] }).exchangeTopics({ notificationTopics })[0]?.topics, [
        'mine.info',
      ]);
    }
  });

  it('refuses former options and names the current ones', () => {
    for (const plugin of Object.values(plugins))
      for (const key of ['exchanges', 'publishers'])
        assert.match(
          String(plugin.options.safeParse({ [key]: ['mine'] }).error?.issues[0]?.message),
          new RegExp(`: write services\\.${plugin.service}\\.(exchange|publishers)$`),
        );
  });

  it("accepts the notifications of its service, and none of another service's publisher", () => {
    for (const plugin of Object.values(plugins)) {
      const { eventTypes, publishers } = handlerOf(plugin);
      const wanted = recorded.filter(({ eventType }) => wildcards(eventTypes)(eventType));
      for (const { eventType, publisherId } of wanted)
        assert.ok(wildcards(publishers ?? [])(publisherId), `${eventType} of '${publisherId}' is of another`);
      assert.equal(wildcards(publishers ?? [])('another.host'), false);
      assert.deepEqual(handlerOf(plugin, { publishers: ['mine.*'] }).publishers, ['mine.*']);
    }
  });
}
