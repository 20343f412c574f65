import { once } from 'node:events';

/** Closes the services' stdin, which stops them, and waits for their end. */
export default async function teardown() {
  const child = globalThis.nephoscopeServices;
  const ended = child.exitCode === null ? once(child, 'exit') : undefined;
  child.stdin.end();
  await ended;
}
