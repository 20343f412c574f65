import { randomUUID } from 'node:crypto';

import { isNephoscopeError } from '@nephoscope/core';
import { meteringTopology } from '@nephoscope/message';
import { component } from '@nephoscope/runtime';

import { runProgram } from '../program.js';
import { busAt, onChannel } from './world.js';
import type { Role } from './world.js';

export const lockHolder: Role = {
  name: 'holder of a lock',
  async prepare(world) {
    const name = `lock-${randomUUID()}`;
    let left = 0;
    let tried = 0;
    return {
      async run(url, stopped) {
        const bus = busAt(url, world.logger);
        const work = async (signal: AbortSignal) => {
          // As in the central agent, a lost lock is requested again.
          while (!signal.aborted) {
            const lock = await bus.lead(name, signal);
            const found = Number(Buffer.from(lock.note).toString() || '0');
            if (found < left || found > tried) throw new Error(`found the note ${found}, not ${left} to ${tried}`);
            try {
              await lock.saveNote(Buffer.from(String((tried = found + 1))));
              left = tried;
              await bus.declare(meteringTopology);
              await lock.saveNote(Buffer.from(String((tried = left + 1))));
              left = tried;
              return;
            } catch (error) {
              if (!isNephoscopeError(error, 'BUS_UNAVAILABLE')) throw error;
            } finally {
              await lock.release();
            }
          }
        };
        await runProgram([component('bus', bus)], work, stopped, world.logger);
      },
      async check() {
        const bus = busAt(world.url, world.logger);
        try {
          await bus.start(AbortSignal.timeout(10_000));
          const lock = await bus.lead(name, AbortSignal.timeout(15_000));
          const found = Number(Buffer.from(lock.note).toString() || '0');
          await lock.release();
          return found >= left && found <= tried ? [] : [`the note is ${found}, not ${left} to ${tried}`];
        } catch (error) {
          return [`the lock is not free: ${String(error)}`];
        } finally {
          await bus.stop();
          await onChannel(world, (channel) => channel.deleteQueue(`${name}.lock`));
        }
      },
    };
  },
};
