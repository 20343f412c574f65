import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { LibvirtUri } from '../uri.js';

/** Further inputs to the choice of a socket, besides the URI. */
export interface SocketSurroundings {
  readonly systemDirectory: string;
  readonly userDirectory: string;
  readonly superuser: boolean;
  readonly exists: (path: string) => boolean;
}

export function hostSurroundings(): SocketSurroundings {
  const runtime = process.env['XDG_RUNTIME_DIR'] || join(homedir(), '.cache');
  return {
    systemDirectory: '/run/libvirt',
    userDirectory: join(runtime, 'libvirt'),
    superuser: process.geteuid?.() === 0,
    exists: existsSync,
  };
}

/**
 * The sockets that may serve the URI, the one to use first, as libvirt chooses it (remote_sockets.c): the
 * hypervisor's own daemon when its socket is there, libvirtd's (or virtproxyd's) when not.
 */
export function socketPaths(uri: LibvirtUri, readOnly: boolean, host: SocketSurroundings): string[] {
  if (uri.socket !== undefined) return [uri.socket];
  const session = !host.superuser && (uri.path === '/session' || (uri.driver === 'test' && uri.transportNamed));
  // A session daemon has only one socket; the call to open it requests read-only access.
  const path = (prefix: string): string =>
    session
      ? join(host.userDirectory, `${prefix}-sock`)
      : join(host.systemDirectory, `${prefix}-${readOnly ? 'sock-ro' : 'sock'}`);
  const direct = path(`virt${uri.driver}d`);
  const legacy = path('libvirt');
  if (uri.mode === 'legacy') return [legacy];
  if (uri.mode === 'direct') return [direct];
  return host.exists(direct) ? [direct] : [legacy, direct];
}
