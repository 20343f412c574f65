import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers';

/**
 * Sets the exit code of this process, which has nothing left to do. When it has not ended after `grace`
 * milliseconds, says on stderr what holds it, and ends it: its result must not be lost with the time limit
 * of whoever waits for it.
 */
export function endsByItself(code, grace) {
  process.exitCode = code;
  setTimeout(() => void endNow(code), grace).unref();
}

async function endNow(code) {
  const resources = process.getActiveResourcesInfo().join(', ') || 'nothing that Node.js names';
  const children = (await childrenOf(process.pid)).map((child) => `\n  child process ${child}`).join('');
  process.stderr.write(
    `The test run has its result, but its process does not end. What holds it: ${resources}${children}\n`,
    () => process.exit(code),
  );
}

/** Each as its process id and command line; none where the kernel does not tell. */
async function childrenOf(pid) {
  const read = (file) => readFile(file, 'utf8').catch(() => '');
  const pids = (await read(`/proc/${pid}/task/${pid}/children`)).split(' ').filter((text) => text !== '');
  const commands = await Promise.all(pids.map((child) => read(`/proc/${child}/cmdline`)));
  return pids.map((child, index) => `${child}: ${commands[index].split('\0').join(' ').trim()}`);
}
