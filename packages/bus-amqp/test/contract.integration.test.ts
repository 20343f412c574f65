import { messageBusContract } from '@nephoscope/testing';
import type { GetMessage } from 'amqplib';

import { createBus, onBroker, remove, sharedBroker } from './support.js';

const url = sharedBroker();

messageBusContract('the AMQP bus', {
  create: () => createBus({ url }),
  // Nothing listens on port 1 of the loopback address.
  createUnstartable: () => createBus({ url: 'amqp://guest:guest@127.0.0.1:1' }),
  deadLetters: (_bus, { deadLetterQueue }) =>
    onBroker(url, async (channel) => {
      const deadLetters: { reason: string; body: Uint8Array }[] = [];
      let deadLetter: GetMessage | false;
      while ((deadLetter = await channel.get(deadLetterQueue, { noAck: true }))) {
        deadLetters.push({
          reason: String(deadLetter.properties.headers?.['x-reason']),
          body: deadLetter.content,
        });
      }
      return deadLetters;
    }),
  remove: (topology) => remove(url, topology),
});
