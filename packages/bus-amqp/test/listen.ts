// Listens, and is suspended by a test: <url> <queue as JSON>.
import type { TransientQueue } from '@nephoscope/core/message-bus';

import { createBus } from './support.js';

const [url, queue] = process.argv.slice(2) as [string, string];
const bus = createBus({ url });
await bus.start(AbortSignal.timeout(20_000));
await bus.listen(JSON.parse(queue) as TransientQueue, () => undefined);
process.stdout.write('listening\n');
