import { run } from './processes.js';
import type { Hypervisor } from './libvirtd.js';

/** Shared by the integration tests: see README.md for the rules. */
export interface SharedLibvirtd extends Hypervisor {
  socket: string;
  socketReadOnly: string;
}

/** @throws Error when this is not an integration test (`*.integration.test.ts`) run by jest */
export function sharedLibvirtd(): SharedLibvirtd {
  const socket = variable('TESTBED_LIBVIRT_SOCKET');
  return {
    socket,
    socketReadOnly: variable('TESTBED_LIBVIRT_SOCKET_RO'),
    directory: variable('TESTBED_LIBVIRT_DIRECTORY'),
    virsh: (...args) => run('virsh', ['--quiet', '--connect', `qemu+unix:///system?socket=${socket}`, ...args]),
  };
}

/** The URL of the broker that the integration tests share. @throws Error as {@link sharedLibvirtd} */
export const sharedAmqpUrl = (): string => variable('TESTBED_AMQP_URL');

/** The URL of the PostgreSQL that the integration tests share. @throws Error as {@link sharedLibvirtd} */
export const sharedPostgresqlUrl = (): string => variable('TESTBED_POSTGRESQL_URL');

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: is this test's file named *.integration.test.ts?`);
  return value;
}
