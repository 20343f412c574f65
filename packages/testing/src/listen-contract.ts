import assert from 'node:assert/strict';

import type { MessageBus, QueueTopology, TransientQueue } from '@nephoscope/core/message-bus';

import { message, rejects, text, until } from './message-bus-checks.js';
import { testFramework } from './test-framework.js';

type WithBus = (body: (bus: MessageBus, topology: QueueTopology) => Promise<void>) => Promise<void>;

/** The requirements on `listen`. */
export function listenContract(withBus: WithBus): void {
  const { it } = testFramework();

  const queueOf = ({ exchange, queue }: QueueTopology): TransientQueue => ({
    exchange,
    queue: `${queue}.heard`,
    bindings: ['heard.#'],
    messageTtl: 10_000,
    maxMessages: 1_000,
  });

  it('passes a message to all current listeners, and to none that come later', async () => {
    await withBus(async (bus, topology) => {
      const say = (body: string) => bus.publish(message(topology, 'heard.x', body));
      const [one, other]: [string[], string[]] = [[], []];
      await rejects(say('too early'), 'BUS_UNROUTABLE');
      const first = await bus.listen(queueOf(topology), (body) => void one.push(text(body)));
      const second = await bus.listen(queueOf(topology), (body) => void other.push(text(body)));
      await say('to both');
      await until('both', () => one.length === 1 && other.length === 1);
      await first.cancel();
      await first.cancel();
      await say('to the other');
      await until('the other', () => other.length === 2);
      await second.cancel();
      await until('nobody to listen', () =>
        say('too late').then(
          () => false,
          () => true,
        ),
      );
      assert.deepEqual([one, other], [['to both'], ['to both', 'to the other']]);
    });
  });

  it('continues after a handler that throws', async () => {
    await withBus(async (bus, topology) => {
      const heard: string[] = [];
      await bus.listen(queueOf(topology), (body) => {
        heard.push(text(body));
        throw new Error('a handler must not throw; this one does');
      });
      for (const body of ['1', '2']) await bus.publish(message(topology, 'heard.x', body));
      await until('both', () => heard.length === 2);
      assert.deepEqual(heard, ['1', '2']);
    });
  });
}
