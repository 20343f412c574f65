import { setTimeout as delay } from 'node:timers/promises';

export interface TestFramework {
  describe(name: string, body: () => void): void;
  it(name: string, body: () => void | Promise<void>): void;
}

/**
 * The current test framework: jest, or vitest with `globals`. Looked up when a contract is called, not when it is
 * imported.
 */
export function testFramework(): TestFramework {
  const { describe, it } = globalThis as unknown as Partial<TestFramework>;
  if (describe === undefined || it === undefined) {
    throw new Error(
      'there is no global describe() and it(): call the contract in a test file of jest, or of vitest with `globals: true`',
    );
  }
  return { describe, it };
}

/** The promise's outcome, or an error that names `what` after `ms` milliseconds. */
export async function within<T>(what: string, ms: number, promise: Promise<T>): Promise<T> {
  const controller = new AbortController();
  const late = delay(ms, undefined, { signal: controller.signal }).then(() => {
    throw new Error(`${what}: not after ${ms / 1000} s`);
  });
  // Aborted in the end, so its rejection is ignored.
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    controller.abort();
  }
}

/**
 * Runs `act` and waits until as many handles are open as before.
 *
 * @throws naming the kinds of the handles that it left open
 */
export async function assertNoHandleLeft(act: () => Promise<void>): Promise<void> {
  const before = await settledHandles();
  await act();
  const end = performance.now() + handleDeadline;
  for (;;) {
    const left = difference(await openHandles(), before);
    if (left.length === 0) return;
    if (performance.now() > end) throw new Error(`handles are left open: ${left.join(', ')}`);
  }
}

/** Always called at the same point of an event-loop iteration, because a timer that has just fired may still count. */
async function openHandles(): Promise<readonly string[]> {
  await delay(10);
  return process.getActiveResourcesInfo();
}

/**
 * The open handles once none has come or gone for some iterations, so that those that the framework or an earlier
 * test is closing are not mistaken for leaks.
 */
async function settledHandles(): Promise<readonly string[]> {
  let handles = await openHandles();
  const end = performance.now() + handleDeadline;
  for (let same = 0; same < 5 && performance.now() < end;) {
    const now = await openHandles();
    same = now.join() === handles.join() ? same + 1 : 0;
    handles = now;
  }
  return handles;
}

/** ms; sockets take some iterations of the event loop to close. */
const handleDeadline = 2_000;

/** What `after` has more than `before`. */
function difference(after: readonly string[], before: readonly string[]): string[] {
  const left = [...after];
  for (const kind of before) {
    const at = left.indexOf(kind);
    if (at >= 0) left.splice(at, 1);
  }
  return left;
}
