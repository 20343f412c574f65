import { randomInt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';
import { connect } from 'amqplib';

import { startRabbitmq } from '../../testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../testbed/rabbitmq.js';
import { cutKinds, FrameLink } from '../../testbed/frame-link.js';
import type { CutKind } from '../../testbed/frame-link.js';
import { endsInTime } from './program.js';
import { roles } from './roles.js';
import { furnish, furniture } from './roles/world.js';
import type { Role, World } from './roles/world.js';
import type { Sweep } from './sweep.js';

/**
 * What happens to the program after a cut: it continues, or it is stopped, either at that moment or while it reconnects, and is
 * started again.
 */
const then = ['goes on', 'is stopped', 'is stopped soon'] as const;
const soon = 100;

/** The time limit for a program's work, including the cut, ms. */
const longestWork = 30_000;
/** The broker detects within two to three heartbeats that a silent connection is gone, ms. */
const lastWord = 20_000;

interface Cut {
  readonly role: Role;
  readonly at: number;
  readonly kind: CutKind;
  readonly then: (typeof then)[number];
}

export interface BrokerSweepOptions {
  /** Only every n-th frame is cut; which ones differs between kinds of cuts and between runs. */
  readonly every: number;
  /** Concurrent cuts, each on its own virtual host: most of the time they wait for a silent connection. */
  readonly lanes: number;
  /** Receives lines about progress and problems. */
  progress(text: string): void;
}

/**
 * Cuts the connections between programs and RabbitMQ at every single frame from their start to their stop, in each way.
 * Afterwards each program has done its work, nothing is lost or duplicated, it has stopped cleanly and in time, and the broker
 * has no connection, transient queue or lock left.
 */
export async function sweepBroker(
  { every, lanes, progress }: BrokerSweepOptions,
  signal: AbortSignal,
): Promise<Sweep> {
  const broker = await startRabbitmq();
  const wrong: string[] = [];
  const onStray = (error: unknown) => void wrong.push(`an error that nobody handles: ${describeError(error)}`);
  process.on('uncaughtException', onStray).on('unhandledRejection', onStray);
  let cuts = 0;
  try {
    const worlds = await openWorlds(broker, lanes);
    for (const role of roles) {
      const frames = await countFrames(role, worlds[0] as World, broker.port);
      const planned = planCuts(role, frames, every);
      progress(`${role.name}: ${frames} frames, ${planned.length} cuts`);
      await Promise.all(
        worlds.map(async (world) => {
          for (let cut = planned.shift(); cut !== undefined && !signal.aborted; cut = planned.shift()) {
            const found = await tryCut(cut, world, broker.port);
            cuts += 1;
            for (const text of found) {
              const whole = `${textOf(cut)}: ${text}`;
              wrong.push(whole);
              progress(`  ${whole}`);
            }
          }
        }),
      );
    }
    await Promise.all(worlds.map(({ model }) => model.close()));
    wrong.push(...(await leftBehind(broker, lanes)));
  } finally {
    process.off('uncaughtException', onStray).off('unhandledRejection', onStray);
    await broker.stop();
  }
  signal.throwIfAborted();
  return { name: 'RabbitMQ', cuts, wrong };
}

function planCuts(role: Role, frames: number, every: number): Cut[] {
  const ways = cutKinds.flatMap((kind) => then.map((what) => ({ kind, then: what })));
  return ways.flatMap((way) => {
    const first = randomInt(1, every + 1);
    const count = Math.max(0, Math.ceil((frames - first + 1) / every));
    return Array.from({ length: count }, (_, index) => ({ role, at: first + index * every, ...way }));
  });
}

async function countFrames(role: Role, world: World, port: number): Promise<number> {
  const link = await FrameLink.open(port);
  try {
    const trial = await role.prepare(world);
    await trial.run(through(world, link), new AbortController().signal);
    const found = await trial.check();
    if (found.length > 0) throw new Error(`${role.name}, without any cut: ${found.join('; ')}`);
    return link.frames;
  } finally {
    await link.close();
  }
}

/** @returns the problems */
async function tryCut(cut: Cut, world: World, port: number): Promise<readonly string[]> {
  const link = await FrameLink.open(port);
  const stopped = new AbortController();
  try {
    const trial = await cut.role.prepare(world);
    link.cutAt(cut.at, cut.kind, () => {
      const stop = () => stopped.abort(new Error('told to stop'));
      if (cut.then === 'is stopped') stop();
      if (cut.then === 'is stopped soon') setTimeout(stop, soon);
    });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      stopped.abort(new Error('its work takes too long'));
    }, longestWork);
    try {
      await endsInTime(trial, through(world, link), stopped.signal);
    } finally {
      clearTimeout(timer);
    }
    if (isLate) return [`its work was not done after ${longestWork / 1_000} s`, ...(await trial.check())];
    if (stopped.signal.aborted) await endsInTime(trial, world.url, AbortSignal.timeout(longestWork));
    return await trial.check();
  } catch (error) {
    return [describeError(error)];
  } finally {
    await link.close();
  }
}

async function openWorlds(broker: PrivateRabbitmq, lanes: number): Promise<readonly World[]> {
  const names = Array.from({ length: lanes }, (_, lane) => `lane-${lane}`);
  const all = { configure: '.*', write: '.*', read: '.*' };
  const definitions = {
    vhosts: names.map((name) => ({ name })),
    permissions: names.map((vhost) => ({ user: 'guest', vhost, ...all })),
  };
  const folder = await mkdtemp(join(tmpdir(), 'nephoscope-lanes-'));
  try {
    const file = join(folder, 'definitions.json');
    await writeFile(file, JSON.stringify(definitions));
    await broker.ctl('import_definitions', file);
  } finally {
    await rm(folder, { recursive: true });
  }
  return Promise.all(
    names.map(async (name) => {
      const url = `${broker.url}/${name}`;
      const world = { model: await connect(url), url, logger: silent };
      await furnish(world);
      return world;
    }),
  );
}

/** What the broker still has after all programs have ended: connections, and more queues than at the beginning. */
async function leftBehind({ ctl }: PrivateRabbitmq, lanes: number): Promise<readonly string[]> {
  const end = Date.now() + lastWord;
  for (;;) {
    const connections = (await ctl('list_connections', 'client_properties')).split('\n').filter(Boolean);
    const queues = Number(await ctl('eval', 'rabbit_amqqueue:count().'));
    if (connections.length === 0 && queues === furniture * lanes) return [];
    if (Date.now() > end)
      return [
        `${connections.length} connections are left (${connections[0]}), and ${queues} queues of ${furniture * lanes}`,
      ];
  }
}

function through({ url }: World, link: FrameLink): string {
  const changed = new URL(url);
  changed.port = String(link.port);
  return changed.href;
}

function textOf({ role, at, kind, then: what }: Cut): string {
  const how = { before: 'before it', after: 'after it', silent: 'in silence' }[kind];
  return `${role.name}, cut at frame ${at} ${how}, ${what}`;
}

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
