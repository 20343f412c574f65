// Holds a lock and counts in its note until it loses the lock; a test kills or suspends it: <url> <name>. It prints the
// note that it found, each count that was saved, and how it ended.
import { createBus } from './support.js';

const [url, name] = process.argv.slice(2) as [string, string];
const bus = createBus({ url, heartbeat: '1s' });
await bus.start(AbortSignal.timeout(20_000));
const lock = await bus.lead(name, AbortSignal.timeout(60_000));
const found = Number(Buffer.from(lock.note).toString());
process.stdout.write(`held ${found}\n`);
try {
  for (let count = found + 1; ; count++) {
    await lock.saveNote(Buffer.from(String(count)));
    process.stdout.write(`left ${count}\n`);
  }
} catch {
  process.stdout.write(`refused ${lock.lost.aborted}\n`);
}
await bus.stop();
