import { ConnectError } from '../errors.js';

/** What to do about a unix socket that one cannot connect to. */
export function unixError(
  path: string,
  otherPaths: readonly string[],
  driver: string,
  error: NodeJS.ErrnoException,
): ConnectError {
  return new ConnectError(
    path,
    `cannot connect to libvirt at ${path}: ${unixAdvice(path, otherPaths, driver, error)}`,
    error,
  );
}

function unixAdvice(
  path: string,
  otherPaths: readonly string[],
  driver: string,
  error: NodeJS.ErrnoException,
): string {
  const daemons = `libvirtd or virt${driver}d`;
  switch (error.code ?? '') {
    case 'ENOENT': {
      const nor = otherPaths.length > 0 ? ` (nor ${otherPaths.join(', ')})` : '';
      return `no such socket${nor}: install and start ${daemons}, or name the socket with ?socket=`;
    }
    case 'ECONNREFUSED':
      return `nobody listens there: start ${daemons}`;
    case 'EACCES':
    case 'EPERM':
      return readOnlyAdvice(path);
    default:
      return error.message;
  }
}

/** Reading takes no rights but those to the read-only socket, which every user has unless the operator took them away. */
function readOnlyAdvice(path: string): string {
  return path.endsWith('-sock')
    ? `this user may not use it; to read, ${path}-ro is enough: name that one, or none`
    : 'this user may not use it: let it by unix_sock_ro_perms (libvirtd.conf; SocketMode where systemd makes it) and the rights to its folder';
}

/** @param setting of libvirtd.conf that opens the port */
export function tcpError(address: string, error: NodeJS.ErrnoException, setting: string): ConnectError {
  const advice =
    error.code === 'ECONNREFUSED'
      ? `nobody listens there: start libvirtd with ${setting} (libvirtd.conf), or its socket unit`
      : error.message;
  return new ConnectError(address, `cannot connect to libvirt at ${address}: ${advice}`, error);
}
