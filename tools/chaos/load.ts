import { randomUUID } from 'node:crypto';

import type { Counter } from '@nephoscope/core';
import { Secret } from '@nephoscope/core/options';
import { createSigner, MeteringBatch, meteringRoutingKey, signMeteringMessage } from '@nephoscope/message';

import type { LoadMessage } from './generator-ledger.js';

const resources = 50;

/** Makes the messages of the load generator, which differ in size and kind by their number. */
export function loadMaker(secret: string): (number: number) => LoadMessage {
  const signer = createSigner({ secret: new Secret(secret), form: 'canonical' });
  const stranger = createSigner({ secret: new Secret(`not ${secret}`), form: 'canonical' });
  return (number) => {
    const meter = `load.${number % 7}`;
    const batch = new MeteringBatch();
    const add = (signedBy: typeof signer, index: number) => {
      const messageId = randomUUID();
      const envelope = { source: 'chaos', messageId, publisherId: 'load', epoch: 'the only one' };
      batch.add(signMeteringMessage(counterOf(meter, number, index), envelope, signedBy));
      return messageId;
    };
    // Every third has a single sample.
    const samples = number % 3 === 0 ? 1 : 2 + (number % 30);
    const good = Array.from({ length: samples }, (_, index) => add(signer, index));
    const bad = number % 40 === 7 ? [add(stranger, samples)] : [];
    const [body, ...more] = batch.bodies();
    if (body === undefined || more.length > 0) throw new Error(`message ${number} is not one body`);
    return {
      number,
      routingKey: meteringRoutingKey(meter),
      body: Buffer.from(body.bytes).toString('utf8'),
      good,
      bad,
      twice: number % 20 === 11,
    };
  };
}

function counterOf(meter: string, number: number, index: number): Counter {
  const resource = (number * 31 + index) % resources;
  return {
    name: meter,
    type: 'cumulative',
    unit: 'B',
    // Beyond what a float holds.
    volume: 2n ** 60n + BigInt(number),
    userId: null,
    projectId: `project-${resource % 5}`,
    resourceId: `resource-${resource}`,
    timestamp: BigInt(Date.now()) * 1_000_000n,
    resourceMetadata: {
      display_name: `load ${resource}`,
      flavor: { name: 'm1.small', vcpus: 2 },
      revision: number % 11,
    },
  };
}
