import { readFile, readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const timeLimit = 10_000;

/**
 * SIGSTOP, until every thread of the process has stopped: on a busy machine one of them may still work for a while, and
 * answer what the test sends next.
 *
 * @throws Error if one has not stopped after 10 s, and what reading /proc throws
 */
export async function freeze(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  for (const end = Date.now() + timeLimit; !(await hasStopped(pid)); await sleep(5))
    if (Date.now() > end) throw new Error(`process ${pid} has not stopped ${timeLimit / 1_000} s after SIGSTOP`);
}

async function hasStopped(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const stats = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'latin1').catch(ended)),
  );
  // The name of a thread, in parentheses, may hold anything.
  return stats.every((stat) => stat.slice(stat.lastIndexOf(')') + 2).startsWith('T'));
}

/** A thread that has ended works no more than one that has stopped. */
function ended(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT' || error.code === 'ESRCH') return ') T';
  throw error;
}
