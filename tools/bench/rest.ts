import type { ChildProcess } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { connect } from 'amqplib';

import { startCloud } from '../../packages/agent-central/test/scripted-cloud.js';
import { progress } from '../testbed/progress.js';
import { startPostgresql } from '../testbed/postgresql.js';
import { startRabbitmq } from '../testbed/rabbitmq.js';
import { usageASecond } from '../testbed/wake-ups.js';
import { secret, writeAgentConfiguration } from './agent-configuration.js';
import type { Benchmark, BenchmarkContext } from './benchmark.js';
import { writeCollectorConfiguration } from './collector.js';
import { startQemuHost, withDirectory } from './hosts.js';
import { root, startProgram } from './measured-process.js';
import type { Program } from './measured-process.js';
import { isPeerThere, startPeer } from './peer.js';
import { cpuOf, memoryOf } from './process-usage.js';
import { rounded } from './statistics.js';
import { below } from './target.js';

const guests = 16;
// Of each guest, as the agent's with one disk and one network card.
const meters = 31;
// V8 collects garbage for about 10 s after the last work; and how long an idle program is observed, ms.
const settling = 30_000;
const watched = 60_000;
// For each program after its start, which is not part of the cycles and reported separately.
const starting = 20_000;

interface Usage {
  /** ms, from the beginning: start and first cycle. */
  readonly startCpu: number;
  /** ms for each cycle, including idle time. */
  readonly cycleCpu: number;
  readonly peakMiB: number;
}

/** The idle daemons, and the compute agent at its intervals, compared with Ceilometer's. */
export const rest: Benchmark = {
  name: 'rest',
  description: `programs at rest, and the compute agent at intervals (${guests} guests), beside ceilometer-polling where it is installed and a bare program`,
  onlyNamed: true,
  async run(context) {
    const broker = await progress('Starting a private RabbitMQ', startRabbitmq());
    const postgresql = await progress('Starting a private PostgreSQL', startPostgresql());
    const cloud = await startCloud();
    try {
      await declareExchanges(broker.url);
      const host = await startQemuHost(guests, context.signal);
      try {
        const bus = { type: 'amqp', url: broker.url };
        const atRest = await withDirectory(async (directory) => {
          const collector = async (name: string, storage: string) => {
            const folder = join(directory, name);
            await mkdir(folder);
            return startDaemon('collector', await writeCollectorConfiguration(folder, broker.url, storage));
          };
          const programs = {
            'agent-compute': startDaemon('agent-compute', await writeAgentConfiguration(directory, host.uri, bus)),
            'agent-central': await startCentral(directory, broker.url, cloud.url),
            'collector, SQLite': await collector('sqlite', `sqlite:${join(directory, 'samples.db')}`),
            'collector, PostgreSQL': await collector('postgresql', postgresql.url),
          };
          return progress('Watching programs at rest', watchAtRest(programs, context));
        });
        const cycles: object[] = [];
        for (const interval of context.intervals) {
          const work = withDirectory((directory) =>
            watchCycles(directory, host.uri, broker.url, interval, context),
          );
          cycles.push(await progress(`Watching ${context.cycles} cycles of ${interval} s`, work));
        }
        return { host: `${guests} QEMU guests`, units: 'ms of CPU time, all threads', atRest, cycles };
      } finally {
        await host.stop();
      }
    } finally {
      await Promise.all([broker.stop(), postgresql.stop(), cloud.close()]);
    }
  },
};

/** As in a cloud with all services, because missing exchanges are checked for often in the first minutes. */
async function declareExchanges(url: string): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  for (const name of ['nova', 'glance', 'neutron', 'cinder', 'swift', 'openstack'])
    await channel.assertExchange(name, 'topic', { durable: false });
  await connection.close();
}

const unheard = (child: ChildProcess) => {
  child.stdout?.resume();
  child.stderr?.resume();
  return child;
};

const commandOf = (program: string, configuration: string) => [
  join(root, 'packages', program, 'dist', 'cli.js'),
  '--config',
  configuration,
];

const startDaemon = (program: Program, configuration: string) =>
  unheard(startProgram(program, commandOf(program, configuration), undefined));

async function startCentral(directory: string, url: string, cloud: string): Promise<ChildProcess> {
  const path = join(directory, 'central.yaml');
  // JSON is YAML too.
  const configuration = {
    secrets: [secret],
    host: 'controller-1',
    bus: { type: 'amqp', url },
    openstack: {
      ...{ authUrl: `${cloud}/identity/v3`, username: 'ceilometer', password: 'lab-secret' },
      ...{ projectName: 'service', userDomainName: 'Default', projectDomainName: 'Default' },
    },
    status: { port: 0 },
  };
  await writeFile(path, JSON.stringify(configuration));
  return startDaemon('agent-central', path);
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });

async function watchAtRest(programs: Readonly<Record<string, ChildProcess>>, { signal }: BenchmarkContext) {
  try {
    await pause(settling, signal);
    return await Promise.all(
      Object.entries(programs).map(async ([program, { pid }]) => {
        const { wakeUps, cpu } = await usageASecond(pid as number, watched, signal);
        return {
          program,
          targets: [
            below('wake-ups a second', 2, rounded(wakeUps)),
            below('CPU time, % of a core', 0.02, rounded(cpu / 10)),
          ],
        };
      }),
    );
  } finally {
    for (const child of Object.values(programs)) child.kill('SIGKILL');
  }
}

async function watchCycles(
  directory: string,
  uri: string,
  amqpUrl: string,
  interval: number,
  context: BenchmarkContext,
): Promise<object> {
  const configuration = await writeAgentConfiguration(
    directory,
    uri,
    { type: 'amqp', url: amqpUrl },
    `${interval}s`,
  );
  const agent = startDaemon('agent-compute', configuration);
  const bare = startBare(directory, uri, amqpUrl, interval);
  const peer = isPeerThere() ? await startPeer(join(directory, 'peer'), { uri, amqpUrl, interval }) : undefined;
  try {
    const [ours, least, theirs] = await Promise.all([
      watch(agent, interval, context),
      watch(bare, interval, context),
      peer && watch(peer, interval, context),
    ]);
    return {
      interval,
      agent: ours,
      bare: least,
      ...(theirs !== undefined && {
        ceilometer: theirs,
        startOfPeers: rounded(ours.startCpu / theirs.startCpu),
        bareOfPeers: rounded(least.cycleCpu / theirs.cycleCpu),
        target: below(
          "CPU time of a cycle, rest included, of the peer's",
          1 / 5,
          rounded(ours.cycleCpu / theirs.cycleCpu),
        ),
      }),
    };
  } finally {
    agent.kill('SIGKILL');
    bare.kill('SIGKILL');
    // Its workers are in its process group, and would continue to run.
    if (peer?.pid !== undefined) process.kill(-peer.pid, 'SIGKILL');
  }
}

/** The least that a program in Node.js needs for as many samples, see there. */
function startBare(directory: string, uri: string, url: string, interval: number): ChildProcess {
  const job = { uri, url, file: join(directory, 'bare'), interval, meters };
  const script = join(root, 'tools/bench/measured-bare.mjs');
  return unheard(startProgram('agent-compute', [script, JSON.stringify(job)], undefined));
}

async function watch(
  { pid }: ChildProcess,
  interval: number,
  { cycles, signal }: BenchmarkContext,
): Promise<Usage> {
  await pause(starting, signal);
  const startCpu = await cpuOf(pid as number);
  await pause(cycles * interval * 1_000, signal);
  const cycleCpu = ((await cpuOf(pid as number)) - startCpu) / cycles;
  return { startCpu, cycleCpu: rounded(cycleCpu), peakMiB: (await memoryOf(pid as number)).VmHWM };
}
