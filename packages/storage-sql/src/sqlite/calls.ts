/**
 * Threads that are within a call of SQLite's library. If the program ended then, it would end with SIGABRT, because
 * the thread cannot be reached; and while the call waits for a hanging disk, the program would not end at all. So the
 * program waits for the calls before it ends, and uses SIGKILL if they take too long: a batch is recorded as a whole
 * or not at all.
 */
const calls = new Set<Int32Array>();

/** ms */
const longest = 2_000;

/**
 * The state of a call: the number of questions that the thread has not finished, and whether the answer is no longer
 * wanted.
 */
const [open, brokenOff] = [0, 1];

/** For a new thread, and shared with it. The answer arrives before the thread has left the library. */
export function newCall(): Int32Array {
  if (calls.size === 0) process.on('exit', awaitCalls);
  const call = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  calls.add(call);
  return call;
}

/** A question was sent to the thread. */
export function beginCall(call: Int32Array): void {
  Atomics.store(call, brokenOff, 0);
  Atomics.add(call, open, 1);
}

/** The answer is no longer wanted: a reading thread ends its query as soon as it notices. */
export function breakOff(call: Int32Array): void {
  Atomics.store(call, brokenOff, 1);
}

/** In the thread. */
export function isBrokenOff(call: Int32Array): boolean {
  return Atomics.load(call, brokenOff) !== 0;
}

/** In the thread: it has left the library. */
export function endCall(call: Int32Array): void {
  Atomics.sub(call, open, 1);
  Atomics.notify(call, open);
}

/** The thread has ended. */
export function forgetCall(call: Int32Array): void {
  calls.delete(call);
  if (calls.size === 0) process.off('exit', awaitCalls);
}

function awaitCalls(): void {
  const end = performance.now() + longest;
  for (const call of calls) breakOff(call);
  for (const call of calls)
    for (let count = Atomics.load(call, open); count > 0; count = Atomics.load(call, open))
      if (Atomics.wait(call, open, count, Math.max(0, end - performance.now())) === 'timed-out')
        process.kill(process.pid, 'SIGKILL');
}
