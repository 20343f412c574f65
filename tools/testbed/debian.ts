import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { environment, run } from './processes.js';
import { progress } from './progress.js';

/** What hypervisor guests need. */
export const libvirtPackages = [
  'libvirt-daemon-system',
  'libvirt-daemon-driver-qemu',
  'libvirt-clients',
  'qemu-system-x86',
  'iproute2',
];

/**
 * The test services. A private libvirtd needs iptables beside: vNICs with a `<filterref>` are filtered by ebtables
 * and iptables; tests beside that need containers, for a driver without the bulk call, and `qemu-nbd`.
 */
export const testPackages = [
  ...libvirtPackages,
  'libvirt-daemon-driver-lxc',
  'qemu-utils',
  'iptables',
  'rabbitmq-server',
  'postgresql',
  'openssl',
  'strace',
  // For systemd-notify.
  'systemd',
];

/**
 * Installs the missing ones of the packages. No service is started by that, and running services are not affected.
 *
 * @throws Error with what is missing and the command to type, if this process must not or cannot install
 */
export async function ensurePackages(packages: readonly string[]): Promise<void> {
  if (!(await isDebian())) {
    throw new Error(
      'This is not Debian (or a system made from it), so packages cannot be installed here. Install ' +
        `what Debian calls ${packages.join(', ')} with this system's own package manager, or use Debian 12.`,
    );
  }
  const missing = await missingPackages(packages);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    throw new Error(
      `Debian packages are missing: ${missing.join(', ')}. Type:\n` +
        `  sudo apt-get update && sudo apt-get install --no-install-recommends ${missing.join(' ')}`,
    );
  }
  const lift = await denyServiceStarts();
  try {
    await progress('Fetching the list of Debian packages', aptGet(['update']));
    await progress(
      `Installing Debian packages (${missing.join(', ')})`,
      aptGet([
        'install',
        '--yes',
        '--no-install-recommends',
        '--option=Dpkg::Options::=--force-confold',
        ...missing,
      ]),
    );
  } finally {
    await lift();
  }
  const still = await missingPackages(packages);
  if (still.length > 0) throw new Error(`apt-get did not install ${still.join(', ')}`);
}

/** Whether this system is Debian or made from it. */
export async function isDebian(): Promise<boolean> {
  if (!existsSync('/usr/bin/apt-get') || !existsSync('/usr/bin/dpkg-query')) return false;
  return /^ID(_LIKE)?=.*debian/m.test(await readFile('/etc/os-release', 'utf8'));
}

async function missingPackages(packages: readonly string[]): Promise<string[]> {
  // dpkg-query fails for an unknown package, but lists the others.
  const list = await run('/bin/sh', [
    '-c',
    'dpkg-query --show --showformat \'${db:Status-Status} ${Package}\\n\' "$@" 2>/dev/null || test $? -eq 1',
    'sh',
    ...packages,
  ]);
  const installed = new Set(list.split('\n'));
  return packages.filter((name) => !installed.has(`installed ${name}`));
}

function aptGet(args: string[]): Promise<string> {
  return run('apt-get', ['--quiet', '--option=DPkg::Lock::Timeout=120', ...args], {
    deadline: 600_000,
    env: { ...environment, DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_SUSPEND: '1', LC_ALL: 'C.UTF-8' },
  });
}

/**
 * Debian's packages start and restart services unless `policy-rc.d` forbids it. Ours forbids it only as long as this
 * process lives, so one left behind by a crash does no harm. An administrator's own is kept.
 */
async function denyServiceStarts(): Promise<() => Promise<void>> {
  const path = '/usr/sbin/policy-rc.d';
  if (existsSync(path)) return () => Promise.resolve();
  const policy = `#!/bin/sh\n# Nephoscope installs packages and starts no service.\n[ -d /proc/${process.pid} ] && exit 101\nexit 0\n`;
  await writeFile(path, policy, { mode: 0o755, flag: 'wx' });
  return () => rm(path, { force: true });
}
