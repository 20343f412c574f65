import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, chown, mkdir, open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ensurePackages, isDebian, libvirtPackages } from '../testbed/debian.js';
import { accepts } from '../testbed/libvirtd.js';
import { environment, run, waitUntil } from '../testbed/processes.js';

/** Undoes a change, and waits until that is finished. */
export type Undo = () => Promise<void>;

const readOnlySockets = ['/run/libvirt/virtqemud-sock-ro', '/run/libvirt/libvirt-sock-ro'];

/** Whether this host's libvirt answers. */
export async function libvirtAnswers(): Promise<boolean> {
  return (await Promise.all(readOnlySockets.map(accepts))).includes(true);
}

/** `virsh` on this host's libvirt. */
export const virsh = (...args: string[]) => run('virsh', ['--quiet', '--connect', 'qemu:///system', ...args]);

export async function hasInstances(): Promise<boolean> {
  return (await virsh('--readonly', 'list', '--uuid')).trim() !== '';
}

/**
 * Sees to it that the programs are there that `npm start` needs.
 *
 * @throws Error that says what is missing and what to type
 */
export async function ensureLibvirtInstalled(): Promise<void> {
  const answers = await libvirtAnswers();
  if (!answers && (await isDebian())) return ensurePackages(libvirtPackages);
  // A host with a libvirt of its own may be any system.
  const programs = ['virsh', 'qemu-system-x86_64', ...(answers ? [] : ['virtlogd', 'libvirtd'])];
  const found = await Promise.all(programs.map(isProgram));
  if (found.includes(false)) await ensurePackages(libvirtPackages);
}

/**
 * Starts the host's virtlogd and libvirtd with the host's own configuration.
 *
 * @param logDirectory for what they say
 * @throws Error when they do not answer within 60 s, or with what to type when this process is not root's
 */
export async function startHostLibvirt(logDirectory: string, undo: Undo[]): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new Error('No libvirtd answers on this host, and only root can start it. Type:\n  sudo npm start');
  }
  await mkdir('/var/log/libvirt', { recursive: true });
  await mkdir('/run/libvirt', { recursive: true });
  await shareKvm(undo);
  const logSocket = '/run/libvirt/virtlogd-sock';
  if (!(await accepts(logSocket))) await startDaemon('virtlogd', logDirectory, () => accepts(logSocket), undo);
  await startDaemon('libvirtd', logDirectory, libvirtAnswers, undo);
  await run('virsh', ['--connect', 'qemu:///system', 'version'], { deadline: 60_000 });
}

/**
 * Gives /dev/kvm to its group, as udev does. Without that, libvirtd can open it as root but its QEMU cannot: libvirtd
 * then considers its QEMU capabilities outdated and probes again at every step, 8 s for each guest.
 */
async function shareKvm(undo: Undo[]) {
  const device = '/dev/kvm';
  const before = await stat(device).catch(() => undefined);
  if (before === undefined || before.gid !== 0 || (before.mode & 0o066) !== 0) return;
  undo.push(async () => {
    await chown(device, before.uid, before.gid);
    await chmod(device, before.mode & 0o777);
  });
  await run('chgrp', ['kvm', device]);
  await chmod(device, 0o660);
}

async function startDaemon(name: string, logDirectory: string, ready: () => Promise<boolean>, undo: Undo[]) {
  const log = join(logDirectory, `${name}.log`);
  const file = await open(log, 'a');
  // Detached: Ctrl-C in the terminal must not end it before the guests that it runs.
  const daemon = spawn(name, [], { detached: true, env: environment, stdio: ['ignore', file.fd, file.fd] });
  await Promise.race([
    once(daemon, 'spawn'),
    once(daemon, 'error').then(([error]) => Promise.reject(error as Error)),
  ]);
  await file.close();
  const ended = once(daemon, 'exit');
  const isRunning = () => daemon.exitCode === null && daemon.signalCode === null;
  undo.push(async () => {
    if (!isRunning()) return;
    daemon.kill('SIGTERM');
    const timer = setTimeout(() => daemon.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(timer);
  });
  await waitUntil(`${name} answers`, async () => !isRunning() || ready(), 60_000);
  if (!isRunning()) throw new Error(`${name} ended at once:\n${(await readFile(log, 'utf8')).slice(-4_096)}`);
}

async function isProgram(name: string): Promise<boolean> {
  const found = await Promise.all(
    (environment['PATH'] ?? '').split(':').map((directory) =>
      access(join(directory, name)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}
