import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Packages may have to be installed first. */
const deadline = 10 * 60_000;

/**
 * Starts the services of the integration tests in a child that stops them when this process ends, however
 * it ends, and sets the variables that tell where they are.
 */
export default async function setup() {
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', main], { stdio: ['pipe', 'pipe', 'inherit'] });
  globalThis.nephoscopeServices = child;
  const exited = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`The test services did not start (${signal ?? `exit code ${code}`}): see above`);
  });
  const late = sleep(deadline, undefined, { ref: false }).then(() => {
    throw new Error(`The test services did not start within ${deadline / 60_000} minutes`);
  });
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), exited, late]);
  late.catch(() => undefined);
  exited.catch(() => undefined); // From here on its end is what the teardown waits for.
  Object.assign(process.env, JSON.parse(line));
}
