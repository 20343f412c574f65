/**
 * Appends numbered messages to the spool in the folder named on the command line, as fast as it can, and sends them to a
 * file there, which lists the confirmed ones. With `drain` it only sends the remaining ones, and ends.
 */
import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';

import type { MessageBus } from '@nephoscope/core/message-bus';
import { systemClock } from '@nephoscope/runtime';
import { Registry } from 'prom-client';

import { createAgentMetrics } from '../../src/metrics.js';
import { Dropped } from '../../src/spool/dropped.js';
import { Sender } from '../../src/spool/sender.js';
import { Spool } from '../../src/spool/spool.js';

const [folder, mode] = process.argv.slice(2) as [string, string];
const never = new AbortController().signal;
const ignore = () => undefined;
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const metrics = createAgentMetrics(new Registry());
const spool = await Spool.open(
  {
    folder: join(folder, 'spool'),
    options: { maxBytes: 4 * 1024 * 1024, maxAge: 86_400_000 },
    dropped: new Dropped(),
    report: () => {
      throw new Error('nothing is to be dropped');
    },
    wireOf: () => undefined,
    saveTotals: () => Promise.resolve(),
    clock: systemClock,
    logger,
    metrics,
  },
  0n,
);
const bus = {
  async publish({ body }: { readonly body: Uint8Array }) {
    await tick();
    appendFileSync(join(folder, 'confirmed'), `${Buffer.from(body).toString('utf8').trimEnd()}\n`);
    await tick();
  },
  health: () => ({ ok: true }),
} as unknown as MessageBus;
const sender = new Sender({ spool, bus, clock: systemClock, logger, metrics });
process.stdout.write('ready\n');
if (mode === 'drain') {
  await sender.flush(never);
  sender.stop();
  await spool.close();
  process.exit(0);
}
for (let next = spool.sequence + 1n; ;) {
  const messages = Array.from({ length: 20 }, () => ({
    exchange: 'ceilometer',
    routingKey: 'metering.cpu',
    contentType: 'text/plain',
    body: Buffer.from(`${next} ${randomUUID()}`.padEnd(2_000)),
    samples: 1,
    last: next++,
  }));
  await spool.append(messages, never);
}
