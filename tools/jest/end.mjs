import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers';

/**
 * Sets the exit code of this process, which has nothing left to do. If it has not ended after `grace` milliseconds,
 * prints what keeps it running to stderr, and ends it, so that its result is not lost by the caller's time limit.
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

/** Each as its process id and command line; empty if the kernel does not report them. */
async function childrenOf(pid) {
  const read = (file) => readFile(file, 'utf8').catch(() => '');
  const pids = (await read(`/proc/${pid}/task/${pid}/children`)).split(' ').filter((text) => text !== '');
  const commands = await Promise.all(pids.map((child) => read(`/proc/${child}/cmdline`)));
  return pids.map((child, index) => `${child}: ${commands[index].split('\0').join(' ').trim()}`);
}
