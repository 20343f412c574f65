import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Secret } from '@nephoscope/core/options';
import { createSigner, meteringContentType, meteringTopology, signMeteringMessage } from '@nephoscope/message';
import { connect } from 'amqplib';
import { v7 as uuid } from 'uuid';

import { progress } from '../testbed/progress.js';
import { startRabbitmq } from '../testbed/rabbitmq.js';
import { secret } from './agent-configuration.js';
import type { Benchmark } from './benchmark.js';
import { startCollector, writeCollectorConfiguration } from './collector.js';
import { hostileMessages, smallMessages } from './hostile-messages.js';
import type { HostileMessage } from './hostile-messages.js';
import { withDirectory } from './hosts.js';
import { memoryOf } from './process-usage.js';
import { rounded } from './statistics.js';
import { withStore } from './stores.js';
import { below } from './target.js';

const valid = 600;
const unconfirmedAtOnce = 500;
const unconfirmedBytes = 64 * 1024 * 1024;
/** If no sample arrives for this long, ms, the rest is considered lost. */
const timeLimit = 60_000;
const memoryLimitMiB = 400;
const delayLimit = 1_000;
const pauseLimit = 250;

/** The effect of a load on the valid samples in it. */
interface Run {
  readonly sentIn: number;
  readonly lost: number;
  /** From the confirmation of publishing until it was recorded, ms. */
  readonly delay: { readonly median: number; readonly p99: number; readonly max: number };
  readonly longestPause: number;
  readonly peakMiB: number;
}

/** Messages without a key together with valid ones, on a real broker into an installed collector. */
export const hostile: Benchmark = {
  name: 'hostile',
  description: 'what valid samples wait for among 60,000 hostile messages (--messages)',
  onlyNamed: true,
  run: ({ messages, signal }) =>
    withDirectory(async (directory) => {
      const run = (name: string, load: (count: number) => Iterable<HostileMessage>) =>
        progress(
          `Sending ${messages} ${name} messages among ${valid} valid ones`,
          among(directory, load(messages), messages, signal),
        );
      const small = await run('small', smallMessages);
      const all = await run('hostile', hostileMessages);
      return {
        messages,
        valid,
        small,
        hostile: all,
        targets: [
          below('valid samples lost', 1, all.lost),
          below(
            'delay at the 99th percentile beyond that of small ones, ms',
            delayLimit,
            all.delay.p99 - small.delay.p99,
          ),
          below("the collector's memory (VmHWM), MiB", memoryLimitMiB, all.peakMiB),
          below('longest pause of its event loop, ms', pauseLimit, all.longestPause),
        ],
      };
    }),
};

async function among(
  directory: string,
  load: Iterable<HostileMessage>,
  count: number,
  signal: AbortSignal,
): Promise<Run> {
  const broker = await startRabbitmq();
  try {
    return await withStore('sqlite', async ({ url }) => {
      const configuration = await writeCollectorConfiguration(directory, broker.url, url);
      const pauses = join(directory, 'pause');
      process.env['PAUSE_FILE'] = pauses;
      const watch = fileURLToPath(new URL('loop-watch.mjs', import.meta.url));
      const collector = await startCollector(configuration, undefined, signal, ['--import', watch]);
      const recorded = followRecorded(
        () => collector.metrics('nephoscope_collector_samples_recorded_total'),
        signal,
      );
      const start = Date.now();
      const sent = await send(broker.url, load, count);
      const sentIn = Date.now() - start;
      const times = await recorded;
      const { VmHWM } = await memoryOf(collector.pid);
      await collector.stop();
      // In the order in which they were sent, except for some that overtook others.
      const delays = times.map((time, at) => time - (sent[at] as number)).sort((one, other) => one - other);
      const at = (share: number) =>
        delays[Math.min(Math.floor(delays.length * share), delays.length - 1)] ?? Infinity;
      return {
        sentIn,
        lost: valid - times.length,
        delay: { median: at(0.5), p99: at(0.99), max: at(1) },
        longestPause: rounded(Number(await readFile(pauses, 'utf8'))),
        peakMiB: VmHWM,
      };
    });
  } finally {
    await broker.stop();
  }
}

/** When each was recorded, as Date.now(), accurate to about 50 ms. */
async function followRecorded(
  metrics: () => Promise<{ readonly nephoscope_collector_samples_recorded_total: number }>,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const times: number[] = [];
  for (let last = Date.now(); times.length < valid && Date.now() - last < timeLimit;) {
    signal.throwIfAborted();
    const { nephoscope_collector_samples_recorded_total: recorded } = await metrics();
    if (recorded > times.length) last = Date.now();
    while (times.length < recorded) times.push(Date.now());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return times;
}

/** Returns the time at which each valid one was sent. */
async function send(url: string, load: Iterable<HostileMessage>, count: number): Promise<readonly number[]> {
  const signer = createSigner({ secret: new Secret(secret), form: 'canonical' });
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  const sent: number[] = [];
  let under = 0;
  let bytes = 0;
  let wake: () => void = () => undefined;
  const publish = async ({ body, contentType, headers }: HostileMessage) => {
    while (under >= unconfirmedAtOnce || (bytes > 0 && bytes + body.length > unconfirmedBytes))
      await new Promise<void>((resolve) => (wake = resolve));
    under += 1;
    bytes += body.length;
    channel.publish(
      meteringTopology.exchange,
      'metering.cpu',
      body,
      { contentType, headers, persistent: true },
      () => {
        under -= 1;
        bytes -= body.length;
        wake();
      },
    );
  };
  let n = 0;
  for (const message of load) {
    if (n % Math.floor(count / valid) === 0 && sent.length < valid) {
      const counter = {
        name: 'cpu',
        type: 'cumulative',
        unit: 'ns',
        volume: BigInt(n),
        userId: 'u',
        projectId: 'p',
        resourceId: `r${n}`,
        timestamp: BigInt(Date.now()) * 1_000_000n,
        resourceMetadata: { host: 'compute-1' },
      } as const;
      const text = signMeteringMessage(
        counter,
        { source: 'openstack', messageId: uuid(), publisherId: 'p' },
        signer,
      );
      await publish({ body: Buffer.from(`${text}\n`), contentType: meteringContentType, headers: {} });
      sent.push(Date.now());
    }
    n += 1;
    await publish(message);
  }
  await channel.waitForConfirms();
  await connection.close();
  return sent;
}
