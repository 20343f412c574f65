import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { daemonIn } from './daemon.js';
import { openNamespace, outerPidFrom } from './namespace.js';
import { run, waitUntil } from './processes.js';

/** A libvirt that guests can be started on: a private one, or the host's own. */
export interface Hypervisor {
  /** Where disks of guests may be put. */
  directory: string;
  /** Runs `virsh` on it and returns its output. @throws Error with virsh's message, or after 30 s */
  virsh(...args: string[]): Promise<string>;
}

/** A libvirtd with QEMU that shares nothing with the host's and nothing with any other of these. */
export interface PrivateLibvirtd extends Hypervisor {
  /** Path of the read-only socket. */
  socketReadOnly: string;
  /** Path of the socket that may also change things. */
  socket: string;
  /** The URI that `virsh -c` and other clients reach it by. */
  uri: string;
  /** libvirtd's process id, for SIGSTOP and SIGCONT; another one after {@link restart}. */
  pid(): Promise<number>;
  /** The process id of a guest's QEMU, for SIGSTOP and SIGCONT. */
  guestPid(guest: string): Promise<number>;
  /** Kills libvirtd; its guests keep running. */
  kill(): Promise<void>;
  /** Starts it after {@link kill}, and waits until it answers. */
  start(): Promise<void>;
  /** {@link kill}, then {@link start}. */
  restart(): Promise<void>;
  /** Ends its guests, also stopped ones, and itself, and removes its directory. */
  stop(): Promise<void>;
}

const configuration = {
  'libvirtd.conf': [
    'unix_sock_group = "root"',
    'unix_sock_ro_perms = "0777"',
    'unix_sock_rw_perms = "0700"',
    'auth_unix_ro = "none"',
    'auth_unix_rw = "none"',
    'log_outputs = "3:stderr"',
  ],
  // QEMU as root on files as they are; nothing of the host's control groups, AppArmor profiles or virtlogd.
  'qemu.conf': [
    'user = "root"',
    'group = "root"',
    'dynamic_ownership = 0',
    'remember_owner = 0',
    'security_driver = "none"',
    'cgroup_controllers = []',
    'namespaces = []',
    'hugetlbfs_mount = []',
    'stdio_handler = "file"',
  ],
};

/** @throws Error with the end of its log when it does not answer within 60 s */
export async function startLibvirtd(): Promise<PrivateLibvirtd> {
  const directory = await mkdtemp(join(tmpdir(), 'nephoscope-libvirt-'));
  const runDirectory = join(directory, 'run', 'libvirt');
  for (const name of ['run', 'lib', 'log', 'cache', 'etc']) await mkdir(join(directory, name));
  for (const [name, lines] of Object.entries(configuration)) {
    await writeFile(join(directory, 'etc', name), `${lines.join('\n')}\n`);
  }
  const socket = join(runDirectory, 'libvirt-sock');
  const uri = `qemu+unix:///system?socket=${socket}`;
  const script = fileURLToPath(new URL('libvirtd.sh', import.meta.url));
  const namespace = openNamespace(['--mount', '--net'], script, [directory]);
  const virsh = (...args: string[]) => run('virsh', ['--quiet', '--connect', uri, ...args]);
  const daemon = daemonIn({
    name: 'libvirtd',
    namespace,
    pidFile: join(directory, 'run', 'libvirtd.pid'),
    log: join(directory, 'log', 'libvirtd.log'),
    async ready() {
      await waitUntil(`libvirtd listens on ${socket}`, () => !namespace.isOpen() || accepts(socket), 60_000);
      await virsh('version');
    },
  });

  async function stop() {
    await namespace.close();
    await rm(directory, { recursive: true, force: true });
  }

  try {
    await daemon.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    directory,
    socket,
    socketReadOnly: `${socket}-ro`,
    uri,
    virsh,
    pid: daemon.pid,
    guestPid: (guest) => outerPidFrom(namespace, join(runDirectory, 'qemu', `${guest}.pid`)),
    kill: () => daemon.end('SIGKILL'),
    start: daemon.start,
    async restart() {
      await daemon.end('SIGKILL');
      await daemon.start();
    },
    stop,
  };
}

/** Whether a unix socket accepts connections: a file left behind by a dead daemon does not count. */
export function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const client = connect(path);
    client.once('connect', () => resolve(true)).once('error', () => resolve(false));
    client.once('connect', () => client.destroy());
  });
}
