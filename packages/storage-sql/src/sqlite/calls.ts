/**
 * Which threads are within a call of SQLite's library. A program that ends then would end by SIGABRT, since nothing can be told
 * to the thread any more; and while the call waits for a disk that hangs, the program would not end at all. So an end of
 * the program waits for the calls, and ends by SIGKILL when they take too long: a batch is there as a whole or not at all.
 */
const calls = new Set<Int32Array>();

/** ms */
const longest = 2_000;

/** What is in a call: how many questions the thread has not done with, and whether nobody waits for the answer any more. */
const [open, brokenOff] = [0, 1];

/** Of a new thread, and shared with it. An answer is heard before the thread is out of the library. */
export function newCall(): Int32Array {
  if (calls.size === 0) process.on('exit', awaitCalls);
  const call = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  calls.add(call);
  return call;
}

/** The thread is asked for something. */
export function beginCall(call: Int32Array): void {
  Atomics.store(call, brokenOff, 0);
  Atomics.add(call, open, 1);
}

/** Nobody waits for the answer: a thread that reads ends its query as soon as it sees that. */
export function breakOff(call: Int32Array): void {
  Atomics.store(call, brokenOff, 1);
}

/** In the thread. */
export function isBrokenOff(call: Int32Array): boolean {
  return Atomics.load(call, brokenOff) !== 0;
}

/** In the thread: it is out of the library. */
export function endCall(call: Int32Array): void {
  Atomics.sub(call, open, 1);
  Atomics.notify(call, open);
}

/** The thread is no more. */
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
