import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { clearInterval, clearTimeout, setInterval, setTimeout } from 'node:timers';
import { fileURLToPath } from 'node:url';

/** Plain JavaScript without dependencies: it runs in a fresh clone, before `npm ci`. */

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A program needed by a step has failed; its output is on the terminal already. */
export class StepFailed extends Error {}

/**
 * Runs one step of the set-up. Its output is shown only when it fails; what takes longer than two seconds
 * is announced, and shown to be alive every ten.
 *
 * @param {string} what
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, deadline?: number }} [options] deadline in ms, by default ten minutes
 * @throws {StepFailed}
 */
export async function step(what, command, args, { env = {}, deadline = 600_000 } = {}) {
  const start = performance.now();
  const seconds = () => ((performance.now() - start) / 1000).toFixed(1);
  let shown = false;
  const show = () => {
    process.stderr.write(shown ? `  ${what}: ${seconds()} s so far\n` : `${what} …\n`);
    shown = true;
  };
  const first = setTimeout(show, 2_000);
  const again = setInterval(show, 10_000);
  try {
    await runQuietly(command, args, { ...process.env, ...env }, deadline);
    if (shown) process.stderr.write(`  ${what}: done in ${seconds()} s\n`);
  } catch (error) {
    throw new StepFailed(`${what} failed: ${error.message}`, { cause: error });
  } finally {
    clearTimeout(first);
    clearInterval(again);
  }
}

function runQuietly(command, args, env, deadline) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), deadline);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve();
      const how = signal === null ? `exit code ${code}` : signal === 'SIGKILL' ? 'killed (deadline?)' : signal;
      reject(new Error(`${command} ${args.join(' ')}: ${how}\n${output.trimEnd()}`));
    });
  });
}

/** Installs the contents of `package-lock.json` if `node_modules` is missing or differs. */
export async function ensureDependencies() {
  if (await isInstalled()) return;
  await step('Installing npm dependencies', 'npm', ['ci', '--no-audit', '--no-fund']);
}

/** Compares the lock with npm's own record of what it has installed. */
async function isInstalled() {
  const wanted = await packagesOf('package-lock.json');
  let installed;
  try {
    installed = await packagesOf('node_modules/.package-lock.json');
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
  return Object.entries(wanted).every(([path, { version, integrity, link, optional, devOptional }]) => {
    // The lock's entries for the root and the workspaces themselves; npm installs links to them.
    if (!path.includes('node_modules/')) return true;
    const there = installed[path];
    if (there === undefined) return optional === true || devOptional === true;
    return there.version === version && there.integrity === integrity && there.link === link;
  });
}

async function packagesOf(file) {
  return JSON.parse(await readFile(new URL(`../../${file}`, import.meta.url), 'utf8')).packages;
}

/**
 * Builds all packages with their types, or without types those needed for the `nephoscope` command. nx skips what has
 * not changed.
 */
export function build({ types }) {
  const nx = (...args) => ['node_modules/.bin/nx', [...args, '--outputStyle', 'static']];
  if (types) return step('Building the packages', ...nx('run-many', '--target', 'build'));
  const env = { BUILD_TYPES: 'no' };
  return step('Building the packages', ...nx('run', 'nephoscope:build'), { env });
}

/**
 * Runs a program in the foreground, passes signals on, and waits for it to end in its own time.
 *
 * @returns {Promise<number>} its exit code; 128 + n when signal n ended it
 */
export function foreground(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    const pass = (signal) => child.kill(signal);
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, pass);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      for (const name of signals) process.off(name, pass);
      resolve(code ?? { SIGHUP: 129, SIGINT: 130, SIGKILL: 137, SIGTERM: 143 }[signal] ?? 1);
    });
  });
}

/** Ends the process with the error, without a stack if the message is sufficient. */
export function fail(error) {
  console.error(error instanceof StepFailed ? error.message : error);
  process.exit(1);
}
