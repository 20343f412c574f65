import assert from 'node:assert/strict';
import { setImmediate as tick } from 'node:timers/promises';

import type { Counter, Plugin } from '@nephoscope/core';
import type { CentralPollster, Cloud } from '@nephoscope/core/pollster';
import { cloudFigureReader } from '@nephoscope/runtime/replies';

import { sent, unchanged } from './boundary.js';
import type { Boundary } from './boundary.js';
import { FakeClock } from './fake-clock.js';
import { FakeCloud } from './fake-cloud.js';
import { assertCounters, assertMeters, pluginTests } from './plugin-checks.js';
import { gather } from './poll-counters.js';
import { RecordingLogger } from './recording-logger.js';
import { assertNoHandleLeft, testFramework, within } from './test-framework.js';

export interface CentralPollsterContract {
  /** The plugin's options as written by an operator, such as the address of a service that the test started. */
  readonly options?: unknown;
  /** A cloud in which the pollster finds something, if it uses one. By default one without answers. */
  readonly cloud?: Cloud;
}

/** The requirements on every central pollster, as tests in the framework whose `describe` and `it` are global. */
export function centralPollsterContract<Options>(
  name: string,
  plugin: Plugin<'poll.central', Options, CentralPollster>,
  { options, cloud = new FakeCloud() }: CentralPollsterContract = {},
): void {
  const framework = testFramework();
  const { describe, it } = framework;
  const logger = new RecordingLogger();
  const clock = new FakeClock();
  const poll = async (signal: AbortSignal, across: Boundary = unchanged): Promise<readonly Counter[]> => {
    const pollster = plugin.create({
      options: plugin.options.parse(options ?? {}),
      logger,
      clock,
      host: 'controller-1',
    });
    const read = cloudFigureReader(plugin.meters);
    const items = await gather(
      pollster.getCounters(across === unchanged ? cloud : proxied(cloud, across), signal),
    );
    return items.flatMap((item) => {
      const figure = read(across(item), () => clock.now());
      return 'counter' in figure ? [figure.counter] : [];
    });
  };
  const pollOnce = async (across?: Boundary): Promise<readonly Counter[]> => {
    const counters = await within('a poll', pollDeadline, poll(new AbortController().signal, across));
    assertCounters(counters, plugin.meters);
    return counters;
  };

  describe(`${name} keeps the central pollster contract`, () => {
    pluginTests(framework, plugin, 'poll.central', options);

    it('declares its meters', () => assertMeters(plugin.meters));

    it('makes counters as declared', async () => {
      assert.ok(
        (await pollOnce()).length > 0,
        'it made no counter: give `options` or a `cloud` to the contract with which it finds something',
      );
    });

    it('makes the same counters in a second pollster, and in two at once', async () => {
      const names = (counters: readonly Counter[]) =>
        counters.map((counter) => `${counter.name} of ${counter.resourceId}`).sort();
      const first = names(await pollOnce());
      const others = await Promise.all([pollOnce(), pollOnce()]);
      for (const other of others) assert.deepEqual(names(other), first);
    });

    it('requests and replies with plain data that can be sent to another process', async () => {
      assert.deepEqual(await pollOnce(sent), await pollOnce());
    });

    it('ends when its signal is aborted, before or meanwhile', async () => {
      for (const meanwhile of [false, true]) {
        const controller = new AbortController();
        if (!meanwhile) controller.abort(new Error('aborted by the contract test'));
        // It may fail then or return what it has.
        const ended = poll(controller.signal).then(
          () => undefined,
          () => undefined,
        );
        await tick();
        controller.abort(new Error('aborted by the contract test'));
        await within('the poll ends after it was aborted (use its signal)', abortDeadline, ended);
      }
    });

    it('leaves no handle open', () => assertNoHandleLeft(async () => void (await pollOnce())));
  });
}

/** ms */
const pollDeadline = 10_000;
const abortDeadline = 2_000;

/** A cloud whose requests and replies cross a boundary. */
function proxied(cloud: Cloud, across: Boundary): Cloud {
  return {
    async *list(list) {
      for await (const item of cloud.list(across(list))) yield across(item);
    },
    head: async (service, path) => across(await cloud.head(across(service), path)),
    endpoint: (service) => cloud.endpoint(across(service)),
  };
}
