import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startTestDriverHost } from '../bench/hosts.js';
import { bundle } from '../testbed/bundle.js';
import { freePorts } from '../testbed/ports.js';
import {
  secret,
  writeAgentConfiguration,
  writeCentralConfiguration,
  writeCollectorConfiguration,
} from './configuration.js';
import type { Arena, Service } from './inflict.js';
import { Link } from './link.js';
import { startBroker, startDatabase } from './services.js';
import { SmallDisk } from './small-disk.js';
import { SpoolFollower } from './spool-follower.js';
import { Supervised } from './supervisor.js';
import type { ProgramDefinition, UnexpectedExit } from './supervisor.js';

/** Programs and services of one run. They end with the process namespace that they live in. */
export interface Scene {
  readonly arena: Arena;
  /** Of the broker and the store themselves, around the faulty links. */
  readonly brokerUrl: string;
  readonly storeUrl: string;
  readonly generatorDirectory: string;
  readonly spools: ReadonlyMap<string, SpoolFollower>;
  /** The status address of each program except the generator, by its kind and name. */
  readonly status: Readonly<Record<ProgramKind, ReadonlyMap<string, string>>>;
  /** Their times are those of `performance.now()`. */
  readonly unexpectedExits: readonly UnexpectedExit[];
  stopHypervisor(): Promise<void>;
  /** What programs that have ended left at the services. */
  leftBehind(): Promise<readonly string[]>;
}

export type ProgramKind = 'collector' | 'agent' | 'central';

export interface SceneOptions {
  readonly store: 'postgresql' | 'sqlite';
  readonly directory: string;
  readonly logs: string;
  /** For how long the disks must have room, ms. */
  readonly duration: number;
}

const instances = 10;
const agents = ['agent-1', 'agent-2'];
const collectors = ['collector-1', 'collector-2'];
const centrals = ['central-1', 'central-2'];
const mebibyte = 1024 ** 2;
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Starts the services, and makes the programs ready to be started. */
export async function buildScene({ store, directory, logs, duration }: SceneOptions): Promise<Scene> {
  const storeDisk = await SmallDisk.mount(
    join(directory, 'store'),
    Math.round((store === 'postgresql' ? 512 : 256) * mebibyte + (duration / 1_000) * 3 * mebibyte),
  );
  const [broker, database, host] = await Promise.all([
    startBroker(),
    store === 'postgresql' ? startDatabase(storeDisk.directory) : undefined,
    startTestDriverHost(instances),
  ]);
  const storeUrl = database?.url ?? `sqlite:${join(storeDisk.directory, 'samples.db')}`;

  const programs = new Map<string, Supervised>();
  const links = new Map<string, Link>();
  const disks = new Map([['disk of the store', storeDisk]]);
  const spools = new Map<string, SpoolFollower>();
  const unexpectedExits: UnexpectedExit[] = [];
  const program = (name: string, command: ProgramDefinition['command']) => {
    const onUnexpectedExit = (how: string, lastLines: readonly string[]) =>
      void unexpectedExits.push({ program: name, at: performance.now(), how, lastLines });
    programs.set(name, new Supervised({ name, command, logs, onUnexpectedExit }));
  };
  /** The URL by which a program reaches a service over a link of its own. */
  const linked = async (name: string, to: string, url: string, port: number) => {
    const link = await Link.open(port);
    links.set(`${name} to ${to}`, link);
    return url.replace(`:${port}`, `:${link.port}`);
  };

  const ports = await freePorts(collectors.length + agents.length + centrals.length);
  const status = {
    collector: new Map<string, string>(),
    agent: new Map<string, string>(),
    central: new Map<string, string>(),
  };
  const statusPort = (kind: ProgramKind, name: string) => {
    const port = ports.shift() ?? 0;
    status[kind].set(name, `http://127.0.0.1:${port}`);
    return port;
  };
  const configurations = join(directory, 'etc');
  for (const name of collectors) {
    const path = await writeCollectorConfiguration(configurations, {
      host: name,
      url: await linked(name, 'broker', broker.url, broker.port),
      store: database === undefined ? storeUrl : await linked(name, 'database', storeUrl, database.port),
      statusPort: statusPort('collector', name),
    });
    program(name, [join(root, 'packages/collector/bin/nephoscope-collector'), '--config', path]);
  }
  for (const name of agents) {
    const disk = await SmallDisk.mount(join(directory, name), 64 * mebibyte);
    disks.set(`disk of ${name}`, disk);
    const stateDirectory = join(disk.directory, 'state');
    await mkdir(stateDirectory, { mode: 0o700 });
    spools.set(name, await SpoolFollower.start(join(stateDirectory, 'spool')));
    const path = await writeAgentConfiguration(configurations, {
      host: name,
      url: await linked(name, 'broker', broker.url, broker.port),
      uri: host.uri,
      stateDirectory,
      statusPort: statusPort('agent', name),
    });
    program(name, [join(root, 'packages/agent-compute/bin/nephoscope-agent-compute'), '--config', path]);
  }
  for (const name of centrals) {
    const path = await writeCentralConfiguration(configurations, {
      host: name,
      url: await linked(name, 'broker', broker.url, broker.port),
      statusPort: statusPort('central', name),
    });
    program(name, [join(root, 'packages/agent-central/bin/nephoscope-agent-central'), '--config', path]);
  }
  const generatorDirectory = join(directory, 'generator');
  await mkdir(generatorDirectory);
  const settings = {
    url: await linked('generator', 'broker', broker.url, broker.port),
    secret,
    directory: generatorDirectory,
  };
  const script = await bundle(new URL('generator.ts', import.meta.url), 'built');
  program('generator', [process.execPath, script, JSON.stringify(settings)]);

  const services = new Map<string, Service>([['broker', broker]]);
  if (database !== undefined) services.set('database', database);
  return {
    arena: {
      programs,
      services,
      links,
      disks,
      onDisk: new Map(database === undefined ? [] : [['disk of the store', 'database']]),
    },
    brokerUrl: broker.url,
    storeUrl,
    generatorDirectory,
    spools,
    status,
    unexpectedExits,
    stopHypervisor: () => host.stop(),
    async leftBehind() {
      const found = await Promise.all([broker.leftBehind(), database?.leftBehind() ?? []]);
      return found.flat();
    },
  };
}
