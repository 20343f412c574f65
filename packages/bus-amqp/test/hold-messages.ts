// Consumes messages and settles none; a test kills it: <url> <queue> <count>.
import { createBus } from './support.js';

const [url, queue, count] = process.argv.slice(2) as [string, string, string];
const bus = createBus({ url });
await bus.start(AbortSignal.timeout(20_000));
let held = 0;
await bus.consume(queue, { prefetch: Number(count) }, () => {
  if (++held === Number(count)) process.stdout.write('holding\n');
});
