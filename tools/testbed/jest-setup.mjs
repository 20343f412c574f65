import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** In ms. Packages may have to be installed first. */
const deadline = 10 * 60_000;

/**
 * Starts the services of the integration tests in a child process that stops them when this process ends, for
 * whatever reason, and sets the variables with their addresses.
 */
export default async function setup() {
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', main], { stdio: ['pipe', 'pipe', 'inherit'] });
  globalThis.nephoscopeServices = child;

  const answered = new AbortController();
  const { signal } = answered;
  const lines = createInterface(child.stdout);
  const exited = once(child, 'exit', { signal }).then(([code, name]) => {
    throw new Error(`The test services did not start (${name ?? `exit code ${code}`}): see above`);
  });
  const late = sleep(deadline, undefined, { signal }).then(() => {
    throw new Error(`The test services did not start within ${deadline / 60_000} minutes`);
  });
  try {
    const [line] = await Promise.race([once(lines, 'line', { signal }), exited, late]);
    Object.assign(process.env, JSON.parse(line));
  } finally {
    // A pending wait would keep jest's process alive when everything is done.
    answered.abort();
    lines.close();
    child.stdout.destroy();
  }
}
