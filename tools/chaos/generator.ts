/**
 * `node generator.mjs '{"url":…,"secret":…,"directory":…}'`: sends signed samples until a file `finish` appears in
 * the directory, and exits with code 0 when everything is confirmed. If killed and restarted, it continues from its
 * ledger.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { AmqpBus, amqpOptions } from '@nephoscope/bus-amqp';
import { describeError, isNephoscopeError } from '@nephoscope/core';
import { meteringContentType, meteringTopology } from '@nephoscope/message';
import { createLogger, systemClock } from '@nephoscope/runtime';

import { GeneratorLedger, readGeneratorLedger } from './generator-ledger.js';
import type { LoadMessage } from './generator-ledger.js';
import { loadMaker } from './load.js';

const { url, secret, directory } = JSON.parse(process.argv[2] ?? '{}') as {
  readonly url: string;
  readonly secret: string;
  readonly directory: string;
};

/** Messages that are made at a time, and the time. */
const batch = 3;
const pause = 60;
/** That many may be unconfirmed before no more are made. */
const mostUnderWay = 300;
const retryPause = 250;

const logger = createLogger({ name: 'generator', level: 'info' });
const bus = new AmqpBus({
  options: amqpOptions.parse({ url, heartbeat: '2s' }),
  logger,
  clock: systemClock,
  host: 'generator',
});
const make = loadMaker(secret);
const ledger = await GeneratorLedger.open(directory);
const before = await readGeneratorLedger(directory);
let next = before.messages.length;
let underWay = 0;

await bus.declare(meteringTopology);
await bus.start(new AbortController().signal);
logger.info({ next, confirmed: before.confirmed.size }, 'the load generator is running');

for (const message of before.messages) if (!before.confirmed.has(message.number)) void send(message);
while (!existsSync(join(directory, 'finish'))) {
  if (underWay < mostUnderWay) {
    const messages = Array.from({ length: batch }, () => make(next++));
    await ledger.add(messages);
    for (const message of messages) void send(message);
  }
  await sleep(pause);
}
while (underWay > 0) await sleep(pause);
await bus.stop();
await ledger.close();
process.exit(0);

/** What fails here that is not the bus's absence ends the process: an unhandled rejection. */
async function send(message: LoadMessage): Promise<void> {
  underWay += 1;
  for (let left = message.twice ? 2 : 1; left > 0; left -= 1) await publish(message);
  await ledger.confirm(message.number);
  underWay -= 1;
}

async function publish({ routingKey, body }: LoadMessage): Promise<void> {
  for (;;) {
    try {
      return await bus.publish({
        exchange: meteringTopology.exchange,
        routingKey,
        contentType: meteringContentType,
        body: Buffer.from(body, 'utf8'),
      });
    } catch (error) {
      if (!isNephoscopeError(error, 'BUS_UNAVAILABLE') && !isNephoscopeError(error, 'BUS_UNROUTABLE')) throw error;
      logger.warn({}, `sent again: ${describeError(error)}`);
      await sleep(retryPause);
    }
  }
}
