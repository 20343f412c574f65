/**
 * Which threads are within a call of SQLite's library. A program that ends then would end by SIGABRT, since nothing can be told
 * to the thread any more; and while the call waits for a disk that hangs, the program would not end at all. So an end of
 * the program waits for the calls, and ends by SIGKILL when they take too long: a batch is there as a whole or not at all.
 */
const calls = new Set<Int32Array>();

/** ms */
const longest = 2_000;

/** Of a new thread, and shared with it: how many questions it has not done with. An answer is heard before the thread is out of the library. */
export function newCall(): Int32Array {
  if (calls.size === 0) process.on('exit', awaitCalls);
  const call = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  calls.add(call);
  return call;
}

/** The thread is asked for something. */
export function beginCall(call: Int32Array): void {
  Atomics.add(call, 0, 1);
}

/** In the thread: it is out of the library. */
export function endCall(call: Int32Array): void {
  Atomics.sub(call, 0, 1);
  Atomics.notify(call, 0);
}

/** The thread is no more. */
export function forgetCall(call: Int32Array): void {
  calls.delete(call);
  if (calls.size === 0) process.off('exit', awaitCalls);
}

function awaitCalls(): void {
  const end = performance.now() + longest;
  for (const call of calls)
    for (let open = Atomics.load(call, 0); open > 0; open = Atomics.load(call, 0))
      if (Atomics.wait(call, 0, open, Math.max(0, end - performance.now())) === 'timed-out')
        process.kill(process.pid, 'SIGKILL');
}
