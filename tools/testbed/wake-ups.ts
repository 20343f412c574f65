import { readdir, readFile } from 'node:fs/promises';

/** What the threads of a process did so far. */
export interface ThreadUsage {
  /** How often they waited and were woken: their voluntary switches. */
  readonly wakeUps: number;
  /** ms */
  readonly cpu: number;
}

/** Of the current threads of a process. @throws Error if there is no such process */
export async function threadUsageOf(pid: number): Promise<ThreadUsage> {
  const threads = await Promise.all(
    (await readdir(`/proc/${pid}/task`)).map(async (thread) => {
      const read = (name: string) => readFile(`/proc/${pid}/task/${thread}/${name}`, 'utf8').catch(() => '');
      const [status, schedstat] = await Promise.all([read('status'), read('schedstat')]);
      return {
        wakeUps: Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1] ?? 0),
        cpu: Number(schedstat.split(' ')[0] ?? 0) / 1_000_000,
      };
    }),
  );
  return {
    wakeUps: threads.reduce((sum, { wakeUps }) => sum + wakeUps, 0),
    cpu: threads.reduce((sum, { cpu }) => sum + cpu, 0),
  };
}

/** Activity of a process per second, observed for `ms`. */
export async function usageASecond(pid: number, ms: number, signal?: AbortSignal): Promise<ThreadUsage> {
  const [before, from] = [await threadUsageOf(pid), performance.now()];
  await new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
  const [after, seconds] = [await threadUsageOf(pid), (performance.now() - from) / 1_000];
  return { wakeUps: (after.wakeUps - before.wakeUps) / seconds, cpu: (after.cpu - before.cpu) / seconds };
}
