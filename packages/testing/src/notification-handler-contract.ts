import assert from 'node:assert/strict';

import { describeError } from '@nephoscope/core';
import type { Counter, Metadata, Plugin } from '@nephoscope/core';
import type { Notification, NotificationHandler } from '@nephoscope/core/notification';
import { wildcards } from '@nephoscope/core/options';

import { FakeClock } from './fake-clock.js';
import { assertCounters, assertMeters, pluginTests } from './plugin-checks.js';
import { RecordingLogger } from './recording-logger.js';
import { testFramework } from './test-framework.js';

/** A notification and the expected counters, in their order, each with at least these fields. */
export interface NotificationCase {
  readonly given: Pick<Notification, 'eventType' | 'payload'> & Partial<Notification>;
  readonly expect: readonly Partial<Counter>[];
}

export interface NotificationHandlerContract {
  /** The plugin's options as written by an operator. */
  readonly options?: unknown;
  readonly notifications: readonly NotificationCase[];
}

/** A notification in which everything except type and payload is filled in. */
export function exampleNotification(fields: NotificationCase['given']): Notification {
  return {
    messageId: '4f4f5d3a-2d26-4ef5-90c5-0e2f3fcb2a53',
    publisherId: 'compute.compute-1',
    timestamp: '2026-11-22 21:00:00.194936',
    context: {},
    priority: 'INFO',
    ...fields,
  };
}

/** The requirements on every notification plugin, as tests in the framework whose `describe` and `it` are global. */
export function notificationHandlerContract<Options>(
  name: string,
  plugin: Plugin<'collector', Options, NotificationHandler>,
  { options, notifications }: NotificationHandlerContract,
): void {
  const framework = testFramework();
  const { describe, it } = framework;
  const start = () =>
    plugin.create({
      options: plugin.options.parse(options ?? {}),
      logger: new RecordingLogger(),
      clock: new FakeClock(),
      host: 'controller-1',
    });
  const translate = (notification: Notification, handler = start()): readonly Counter[] => {
    const counters = [...handler.processNotification(notification)];
    assertCounters(counters, plugin.meters);
    return counters;
  };

  describe(`${name} keeps the notification handler contract`, () => {
    pluginTests(framework, plugin, 'collector', options);

    it('declares its meters', () => assertMeters(plugin.meters));

    it('listens to the configured topics', () => {
      for (const notificationTopics of [['notifications'], ['one', 'two']]) {
        const wanted = start().exchangeTopics({ notificationTopics });
        assert.ok(wanted.length > 0, 'it listens to no exchange');
        for (const { exchange, topics } of wanted) {
          assert.ok(exchange !== '', 'an exchange has no name');
          for (const topic of notificationTopics) {
            assert.ok(
              topics.some((text) => text.startsWith(topic)),
              `it does not listen to the topic '${topic}' of the exchange '${exchange}'`,
            );
          }
        }
      }
    });

    it('handles the notifications that it is tested with', () => {
      assert.ok(notifications.length > 0, 'give `notifications` to the contract');
      const { eventTypes } = start();
      const wants = wildcards(eventTypes);
      for (const { given } of notifications)
        assert.ok(
          wants(given.eventType),
          `'${given.eventType}' is none of its event types (${eventTypes.join(', ')})`,
        );
    });

    it('makes the expected counters, every time', () => {
      const handler = start();
      for (const { given, expect } of [...notifications, ...notifications]) {
        const counters = translate(deepFreeze(exampleNotification(given)), handler);
        assert.deepEqual(
          counters.map(({ name: counterName }) => counterName),
          expect.map((fields, index) => fields.name ?? counters[index]?.name),
          `counters of '${given.eventType}'`,
        );
        counters.forEach((counter, index) => {
          const fields = expect[index] ?? {};
          const same = Object.fromEntries(Object.keys(fields).map((key) => [key, counter[key as keyof Counter]]));
          assert.deepEqual(same, fields, `the counter '${counter.name}' of '${given.eventType}'`);
        });
      }
    });

    it('has one id for an event, every time', () => {
      for (const { given } of notifications) {
        const ids = [1, 2].map(() => start().eventId?.(deepFreeze(exampleNotification(given))));
        assert.equal(ids[0], ids[1], `the event id of '${given.eventType}' is another one each time`);
        assert.notEqual(ids[0], '', `the event id of '${given.eventType}' is empty`);
      }
    });

    it('names the field that is required and missing', () => {
      for (const { given } of notifications) {
        for (const key of Object.keys(given.payload)) {
          const { [key]: _, ...rest } = given.payload;
          assertNamed([key], { ...given, payload: rest });
        }
        assertNamed(Object.keys(given.payload), { ...given, payload: {} });
      }
    });
  });

  /** It yields valid counters, or an error that names one of the keys. */
  function assertNamed(keys: readonly string[], given: NotificationCase['given']): void {
    const notification = exampleNotification(given);
    const handler = start();
    let counters: readonly Counter[];
    try {
      counters = [...handler.processNotification(notification)];
    } catch (error) {
      const text = describeError(error);
      const named = !(error instanceof TypeError) && keys.some((key) => text.includes(key));
      assert.ok(
        named,
        `without '${keys.join("', '")}' in '${given.eventType}' it fails with "${text}", which does not name the missing field`,
      );
      return;
    }
    assertCounters(counters, plugin.meters);
    for (const counter of counters) {
      for (const [key, value] of Object.entries(counter)) {
        assert.ok(
          value !== undefined && value !== 'undefined',
          `without '${keys.join("', '")}' in '${given.eventType}' the counter '${counter.name}' has no ${key}`,
        );
      }
    }
  }
}

function deepFreeze(notification: Notification): Notification {
  const freeze = (value: Metadata[string]): void => {
    if (typeof value !== 'object' || value === null) return;
    Object.values(value).forEach(freeze);
    Object.freeze(value);
  };
  freeze(notification.payload);
  freeze(notification.context);
  return Object.freeze(notification);
}
