/**
 * `tsx tools/start/main.ts [arguments of nephoscope up]`: sees to it that a libvirt with instances is there,
 * runs `nephoscope up` on it, and undoes in reverse order all that it started itself, however that ends.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { progress } from '../testbed/progress.js';
import { writeConfiguration } from './configuration.js';
import { bootDemoGuests } from './demo-guests.js';
import { hasInstances, libvirtAnswers, startHostLibvirt, type Undo } from './host-libvirt.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const args = process.argv.slice(2);
const undo: Undo[] = [];
const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interruption.abort());

async function main(): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'nephoscope-start-'));
  undo.push(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o711);

  if (!(await libvirtAnswers())) {
    await progress('Starting libvirtd', startHostLibvirt(directory, undo));
  }
  if (interruption.signal.aborted) return 130;
  if (!(await hasInstances())) {
    process.stderr.write('No instance runs on this host: booting two tiny ones to look at.\n');
    await progress('Booting two demo guests', bootDemoGuests(directory, undo));
  }
  if (interruption.signal.aborted) return 130;
  const home = args.includes('--once') ? join(directory, 'deployment') : join(root, '.nephoscope');
  return runUp(await writeConfiguration(home));
}

async function runUp(configuration: string): Promise<number> {
  const cli = join(root, 'packages', 'nephoscope', 'dist', 'cli.js');
  const child = spawn(process.execPath, [cli, 'up', '--config', configuration, ...args], { stdio: 'inherit' });
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  let timer: NodeJS.Timeout | undefined;
  const end = () => {
    child.kill('SIGTERM');
    timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  };
  interruption.signal.addEventListener('abort', end, { once: true });
  const [code] = await ended;
  clearTimeout(timer);
  return code ?? 1;
}

let code = 1;
try {
  code = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
}
for (const step of undo.reverse()) {
  await step().catch((error: unknown) => {
    process.stderr.write(`Could not undo: ${error instanceof Error ? error.message : String(error)}\n`);
    code = 1;
  });
}
process.exit(code);
