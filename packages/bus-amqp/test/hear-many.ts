// Binds to this many exchanges of other services, which need not exist, and ends: <url> <prefix> <count>.
import { createBus, newTopology } from './support.js';

const [url, prefix, count] = process.argv.slice(2) as [string, string, string];
const bus = createBus({ url });
await bus.start(AbortSignal.timeout(20_000));
const own = newTopology();
for (let n = 0; n < Number(count); n++)
  await bus.declare({ ...own, exchange: `${prefix}-${n}`, exchangeOwner: 'service' });
await bus.consume(own.queue, { prefetch: 1 }, (delivery) => delivery.ack());
await bus.stop();
