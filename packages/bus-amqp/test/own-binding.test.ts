import { FakeClock } from '@nephoscope/testing';

import type { Connection } from '../src/open-connection.js';
import { keepOwnBinding } from '../src/own-binding.js';
import { QueueTypes } from '../src/queue-types.js';
import { newTopology, recordingLogger } from './support.js';

const minute = 60_000;

it('repeats the binding every minute, except while the broker blocks the connection', async () => {
  const clock = new FakeClock();
  const lost = new AbortController();
  const topology = newTopology();
  const bound: string[] = [];
  const channel = {
    ended: new AbortController().signal,
    checkQueue: () => Promise.resolve(),
    bindQueue: (queue: string) => Promise.resolve(void bound.push(queue)),
  };
  const connection = { lost: lost.signal, isBlocked: false, openChannel: () => Promise.resolve(channel) };
  const kept = keepOwnBinding(connection as unknown as Connection, {
    topology: () => topology,
    queueTypes: new QueueTypes(),
    clock,
    logger: recordingLogger(),
  });

  await clock.advance(minute);
  expect(bound).toEqual([topology.queue]);
  connection.isBlocked = true;
  await clock.advance(3 * minute);
  expect(bound).toHaveLength(1);
  connection.isBlocked = false;
  await clock.advance(minute);
  expect(bound).toHaveLength(2);
  lost.abort();
  await kept;
});
