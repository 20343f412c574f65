import { randomUUID } from 'node:crypto';

import { Collector } from '@nephoscope/collector';
import { collectorOptions } from '@nephoscope/collector/testing';
import type { Counter, Health } from '@nephoscope/core';
import type { Sample, SampleStore } from '@nephoscope/core/sample-store';
import { createSigner, meteringTopology, signMeteringMessage } from '@nephoscope/message';
import { component, systemClock } from '@nephoscope/runtime';
import { Registry } from 'prom-client';

import { runProgram, until } from '../program.js';
import { busAt, onConfirmed, secret, takeAll } from './world.js';
import type { Role } from './world.js';

const { deadLetterQueue } = meteringTopology;
const signer = createSigner({ secret, form: 'canonical' });

export const collector: Role = {
  name: 'collector',
  async prepare(world) {
    const ids = Array.from({ length: 4 }, () => randomUUID());
    const bad = `unreadable ${randomUUID()}`;
    await onConfirmed(world, [...ids.map(messageOf), bad]);
    const store = new MemoryStore();
    const deadLetters = new Set<string>();
    return {
      async run(url, stopped) {
        const { logger } = world;
        const bus = busAt(url, logger);
        const parts = { secrets: [secret], bus, store, logger, clock: systemClock, registry: new Registry() };
        const it = new Collector({ options: collectorOptions.parse({}), ...parts });
        // There may be others of an earlier trial, which the broker held for a lost connection.
        const isDone = async () => {
          for (const deadLetter of await takeAll(world, deadLetterQueue)) deadLetters.add(deadLetter);
          return deadLetters.has(bad) && ids.every((id) => store.known.has(id));
        };
        await runProgram([component('bus', bus), it], (signal) => until(isDone, signal), stopped, logger);
      },
      async check() {
        for (const deadLetter of await takeAll(world, deadLetterQueue)) deadLetters.add(deadLetter);
        return [
          ...ids.filter((id) => !store.known.has(id)).map((id) => `sample ${id} is lost`),
          ...(deadLetters.has(bad) ? [] : ['what is unreadable is not among the dead letters']),
        ];
      },
    };
  },
};

class MemoryStore implements SampleStore {
  readonly known = new Set<string>();

  start = () => Promise.resolve();
  stop = () => Promise.resolve();
  health = (): Health => ({ ok: true });
  removeBefore = () => Promise.resolve(0);
  removedBefore = () => Promise.resolve(undefined);
  // A repeated sample is the same one, because nothing here forges samples.
  recordedAs = (samples: readonly Sample[]) => Promise.resolve(samples);
  recordedTimes = () => Promise.resolve(undefined);

  record(samples: readonly Sample[]) {
    const before = this.known.size;
    for (const { messageId } of samples) this.known.add(messageId);
    const recorded = this.known.size - before;
    return Promise.resolve({ recorded, duplicates: samples.length - recorded });
  }
}

function messageOf(id: string): string {
  const counter: Counter = {
    name: 'cpu',
    type: 'cumulative',
    unit: 'ns',
    volume: 1n,
    userId: 'u',
    projectId: 'p',
    resourceId: 'vm-1',
    timestamp: systemClock.now(),
    resourceMetadata: {},
  };
  return signMeteringMessage(
    counter,
    { source: 'openstack', messageId: id, publisherId: 'agent-1', sequence: 1n },
    signer,
  );
}
