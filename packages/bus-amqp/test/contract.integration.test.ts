import { messageBusContract } from '@nephoscope/testing';
import type { GetMessage } from 'amqplib';

import { createBus, onBroker, remove, sharedBroker } from './support.js';

const url = sharedBroker();

messageBusContract('the AMQP bus', {
  create: () => createBus({ url }),
  // Port 1 of loopback: nobody listens there.
  createUnstartable: () => createBus({ url: 'amqp://guest:guest@127.0.0.1:1' }),
  deadLetters: (_bus, { deadLetterQueue }) =>
    onBroker(url, async (channel) => {
      const letters: { reason: string; body: Uint8Array }[] = [];
      let letter: GetMessage | false;
      while ((letter = await channel.get(deadLetterQueue, { noAck: true }))) {
        letters.push({ reason: String(letter.properties.headers?.['x-reason']), body: letter.content });
      }
      return letters;
    }),
  remove: (topology) => remove(url, topology),
});
