import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** In ms. Each service has a deadline of its own for its end. */
const deadline = 120_000;

/** Closes the services' stdin, which stops them, and waits for their end. */
export default async function teardown() {
  const child = globalThis.nephoscopeServices;
  const hasEnded = child.exitCode !== null || child.signalCode !== null;
  const ended = hasEnded ? undefined : once(child, 'exit');
  child.stdin.end();
  if (ended === undefined) return;

  const over = new AbortController();
  const late = sleep(deadline, 'late', { signal: over.signal }).catch(() => undefined);
  if ((await Promise.race([ended, late])) === 'late') {
    // Their namespaces end with it.
    child.kill('SIGKILL');
    throw new Error(`The test services did not stop within ${deadline / 1000} s, and were killed`);
  }
  over.abort();
}
