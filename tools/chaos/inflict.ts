import { setTimeout as sleep } from 'node:timers/promises';

import type { Fault, TargetClass } from './fault-plan.js';
import type { Link } from './link.js';
import type { SmallDisk } from './small-disk.js';
import type { Supervised } from './supervisor.js';

/** A server that programs depend on. */
export interface Service {
  kill(): Promise<void>;
  shutDown(): Promise<void>;
  /** Called after {@link kill} and {@link shutDown}, and if it ended by itself; does nothing while it is running. */
  start(): Promise<void>;
  freeze(): Promise<void>;
  thaw(): Promise<void>;
}

/** Everything that faults are done to, by name. */
export interface Arena {
  readonly programs: ReadonlyMap<string, Supervised>;
  readonly services: ReadonlyMap<string, Service>;
  readonly links: ReadonlyMap<string, Link>;
  readonly disks: ReadonlyMap<string, SmallDisk>;
  /** A service that must be seen to when a disk has room again, by the disk's name. */
  readonly onDisk: ReadonlyMap<string, string>;
}

/** A fault that was made. */
export interface InflictedFault {
  readonly on: TargetClass;
  readonly target: string;
  readonly kind: string;
  /** ms since the first could begin. */
  readonly began: number;
  readonly ended: number;
  /** Whether it met anything: a program that ran, an open connection. */
  readonly struck: boolean;
}

interface Begun {
  /** Ends the fault; returns whether it affected anything. */
  end(): Promise<boolean> | boolean;
}

/**
 * Inflicts the planned faults at their times, concurrently for different targets, and ends them all. Faults of one
 * target follow each other, so some begin late; those that would begin after `duration` are left out.
 */
export async function inflict(
  plan: readonly Fault[],
  arena: Arena,
  duration: number,
  report: (fault: InflictedFault) => void,
): Promise<readonly InflictedFault[]> {
  const start = performance.now();
  const now = () => Math.round(performance.now() - start);
  const inflicted: InflictedFault[] = [];
  const pending = new Map<string, Promise<void>>();
  const make = async (fault: Fault) => {
    if (now() > duration) return;
    const began = now();
    const { end } = await begin(fault, arena);
    await sleep(fault.lasts);
    const struck = await end();
    const done = { on: fault.on, target: fault.target, kind: fault.kind, began, ended: now(), struck };
    inflicted.push(done);
    report(done);
  };
  for (const fault of plan) {
    await sleep(Math.max(0, fault.at - now()));
    const who = arena.onDisk.get(fault.target) ?? fault.target;
    const done = (pending.get(who) ?? Promise.resolve()).then(() => make(fault));
    // Its failure is awaited below, with all others.
    done.catch(() => undefined);
    pending.set(who, done);
  }
  await sleep(Math.max(0, duration - now()));
  await Promise.all(pending.values());
  return inflicted.sort((a, b) => a.began - b.began);
}

async function begin(fault: Fault, arena: Arena): Promise<Begun> {
  switch (fault.on) {
    case 'program': {
      const program = named(arena.programs, fault.target);
      if (fault.kind === 'freeze') {
        program.signal('SIGSTOP');
        return { end: () => program.signal('SIGCONT') };
      }
      const how = await program.end(fault.kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
      return {
        end() {
          program.start();
          return how !== undefined;
        },
      };
    }
    case 'service': {
      const service = named(arena.services, fault.target);
      if (fault.kind === 'freeze') await service.freeze();
      else if (fault.kind === 'kill') await service.kill();
      else await service.shutDown();
      return {
        async end() {
          await (fault.kind === 'freeze' ? service.thaw() : service.start());
          return true;
        },
      };
    }
    case 'link': {
      const link = named(arena.links, fault.target);
      link.begin(fault.kind);
      return { end: () => link.end() > 0 };
    }
    case 'disk': {
      const over = new AbortController();
      const filled = named(arena.disks, fault.target).fill(over.signal);
      filled.catch(() => undefined); // Awaited at its end.
      const service = arena.onDisk.get(fault.target);
      return {
        async end() {
          over.abort();
          const bytes = await filled;
          if (service !== undefined) await named(arena.services, service).start();
          return bytes > 0;
        },
      };
    }
  }
}

function named<T>(things: ReadonlyMap<string, T>, name: string): T {
  const thing = things.get(name);
  if (thing === undefined) throw new Error(`there is no '${name}'`);
  return thing;
}
