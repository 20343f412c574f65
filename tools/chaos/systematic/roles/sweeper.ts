import { randomUUID } from 'node:crypto';

import { isNephoscopeError } from '@nephoscope/core';
import { meteringTopology } from '@nephoscope/message';
import { component, systemClock } from '@nephoscope/runtime';

import { runProgram, until } from '../program.js';
import { busAt, countOf, onConfirmed, takeAll } from './world.js';
import type { Role } from './world.js';

const { queue, deadLetterQueue } = meteringTopology;

export const sweeper: Role = {
  name: 'replay of dead letters',
  async prepare(world) {
    const bodies = Array.from({ length: 3 }, (_, number) => `dead letter ${number} ${randomUUID()}`);
    await takeAll(world, queue);
    await onConfirmed(world, bodies, deadLetterQueue);
    return {
      async run(url, stopped) {
        const bus = busAt(url, world.logger);
        const work = async (signal: AbortSignal) => {
          // The operator repeats the command after an error about the lost connection.
          while (!signal.aborted) {
            try {
              await bus.sweepDeadLetters(queue, () => 'replay', signal);
              if ((await countOf(world, deadLetterQueue)) === 0) return;
            } catch (error) {
              if (!isNephoscopeError(error, 'BUS_UNAVAILABLE')) throw error;
            }
            await systemClock.sleep(20, signal);
          }
        };
        await runProgram([component('bus', bus)], work, stopped, world.logger);
      },
      async check() {
        let missing = bodies;
        const look = async () => {
          const there = [...(await takeAll(world, queue)), ...(await takeAll(world, deadLetterQueue))];
          missing = missing.filter((body) => !there.includes(body));
          return missing.length === 0;
        };
        // The broker may still hold them for a connection that it does not know to be lost.
        await until(look, AbortSignal.timeout(15_000));
        return missing.map((body) => `${body} is lost`);
      },
    };
  },
};
