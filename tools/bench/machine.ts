import { cpus, loadavg, release, totalmem } from 'node:os';

import { run } from '../testbed/processes.js';

/** The conditions of the measurement, for comparison with other days and machines. */
export async function describeMachine(): Promise<object> {
  const [libvirt, qemu, commit, changes] = await Promise.all([
    run('libvirtd', ['--version']),
    run('qemu-system-x86_64', ['--version']),
    run('git', ['rev-parse', 'HEAD']),
    run('git', ['status', '--porcelain', '--', 'packages']),
  ]);
  return {
    time: new Date().toISOString(),
    cpu: cpus()[0]?.model.trim(),
    cpus: cpus().length,
    memoryMiB: Math.round(totalmem() / 1024 ** 2),
    kernel: release(),
    // If it exceeds the number of CPUs, other programs affected the measurement.
    loadAverage: loadavg().map((load) => Number(load.toFixed(2))),
    node: process.version,
    libvirt: libvirt.trim(),
    qemu: qemu.split('\n')[0],
    commit: commit.trim(),
    uncommittedChanges: changes !== '',
  };
}
