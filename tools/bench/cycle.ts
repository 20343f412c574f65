import { fileURLToPath } from 'node:url';

import { progress } from '../testbed/progress.js';
import { startRabbitmq } from '../testbed/rabbitmq.js';
import { writeAgentConfiguration } from './agent-configuration.js';
import type { Benchmark, BenchmarkContext } from './benchmark.js';
import { startQemuHost, startTestDriverHost, withDirectory } from './hosts.js';
import type { MeasuredHost } from './hosts.js';
import { outputOf, startProgram } from './measured-process.js';
import { rounded, summarise } from './statistics.js';
import type { Measurement } from './statistics.js';
import { target } from './target.js';

/** What measured-cycle.mjs prints, for each round. */
interface Round {
  readonly bare: Measurement;
  readonly cycle: Measurement;
  readonly samples: number;
}

interface Scenario {
  readonly name: string;
  /** The time of one cycle of Ceilometer's compute agent on such a host, ms. */
  readonly peer: Measurement & { readonly samples: number };
  /** The cycle compared with the bare call, if the hypervisor returns everything in that one call. */
  readonly limitToBareCall: number | undefined;
  readonly rounds: number;
  start(signal: AbortSignal): Promise<MeasuredHost>;
}

const scenarios: readonly Scenario[] = [
  {
    name: '16 QEMU guests',
    peer: { wall: 460, cpu: 88, samples: 480 },
    limitToBareCall: 1.3,
    rounds: 40,
    start: (signal) => startQemuHost(16, signal),
  },
  {
    name: '200 domains of the test driver',
    peer: { wall: 970, cpu: 540, samples: 3_400 },
    limitToBareCall: undefined,
    rounds: 25,
    start: () => startTestDriverHost(200),
  },
];

const warmUp = 8;
const processTimeout = 240_000;
const script = fileURLToPath(new URL('measured-cycle.mjs', import.meta.url));

/** Cycles of the whole compute agent, each next to the bare call, so that their ratio is valid on a shared machine. */
export const cycle: Benchmark = {
  name: 'cycle',
  description: 'wall and CPU time of a cycle of the compute agent, next to the bare libvirt call',
  async run(context) {
    const broker = await progress('Starting a private RabbitMQ', startRabbitmq());
    try {
      const buses = { 'in-process': { type: 'memory' }, 'RabbitMQ, confirmed': { type: 'amqp', url: broker.url } };
      const results: object[] = [];
      for (const scenario of scenarios) {
        context.signal.throwIfAborted();
        const host = await scenario.start(context.signal);
        try {
          for (const [bus, options] of Object.entries(buses)) {
            const work = measure(host, options, scenario.rounds, context);
            const rounds = await progress(`Measuring cycles over ${scenario.name}, bus: ${bus}`, work);
            results.push({ host: scenario.name, bus, ...report(scenario, rounds) });
          }
        } finally {
          await host.stop();
        }
      }
      return {
        peer: 'Ceilometer 19, its compute agent; measured by this project on a machine of this kind (2 CPUs, Debian 12, QEMU under TCG)',
        units: 'ms; ratios without one',
        results,
      };
    } finally {
      await broker.stop();
    }
  },
};

function measure(
  host: MeasuredHost,
  bus: object,
  rounds: number,
  { profiles, signal }: BenchmarkContext,
): Promise<readonly Round[]> {
  return withDirectory(async (directory) => {
    const configuration = await writeAgentConfiguration(directory, host.uri, bus);
    const child = startProgram(
      'agent-compute',
      [script, JSON.stringify({ configuration, uri: host.uri, warmUp, rounds })],
      profiles === undefined ? undefined : { directory: profiles },
    );
    const output = await outputOf(child, AbortSignal.any([signal, AbortSignal.timeout(processTimeout)]));
    return JSON.parse(output) as readonly Round[];
  });
}

function report({ peer, limitToBareCall }: Scenario, rounds: readonly Round[]) {
  const cycleWall = summarise(rounds.map(({ cycle }) => cycle.wall));
  const cycleCpu = summarise(rounds.map(({ cycle }) => cycle.cpu));
  const bareWall = summarise(rounds.map(({ bare }) => bare.wall));
  const toBareCall = {
    // Each cycle compared with the call just before it, so that what slows down both cancels out.
    median: summarise(rounds.map(({ cycle, bare }) => cycle.wall / bare.wall)).median,
    // Those without disturbance compared with each other.
    min: rounded(cycleWall.min / bareWall.min),
  };
  return {
    rounds: rounds.length,
    samples: summarise(rounds.map(({ samples }) => samples)),
    cycle: { wall: cycleWall, cpu: cycleCpu },
    bareCall: { wall: bareWall, cpu: summarise(rounds.map(({ bare }) => bare.cpu)) },
    cycleToBareCall: toBareCall,
    peer,
    targets: [
      target("wall time, of the peer's", 1 / 4, cycleWall, peer.wall),
      target("CPU time, of the peer's", 1 / 5, cycleCpu, peer.cpu),
      ...(limitToBareCall === undefined
        ? []
        : [target("wall time, of the bare call's", limitToBareCall, toBareCall)]),
    ],
  };
}
