import { ConnectError } from '../errors.js';
import type { TlsFiles } from './tls-files.js';

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
      return `no process listens there: start ${daemons}`;
    case 'EACCES':
    case 'EPERM':
      return readOnlyAdvice(path);
    default:
      return error.message;
  }
}

/** Reading requires only access to the read-only socket, which every user has unless the operator removed it. */
function readOnlyAdvice(path: string): string {
  return path.endsWith('-sock')
    ? `this user may not use it; to read, ${path}-ro is enough: name that one, or none`
    : 'this user may not use it: let it by unix_sock_ro_perms (libvirtd.conf; SocketMode where systemd makes it) and the rights to its folder';
}

/** @param setting of libvirtd.conf that opens the port */
export function tcpError(address: string, error: NodeJS.ErrnoException, setting: string): ConnectError {
  const advice =
    error.code === 'ECONNREFUSED'
      ? `no process listens there: start libvirtd with ${setting} (libvirtd.conf), or its socket unit`
      : error.message;
  return new ConnectError(address, `cannot connect to libvirt at ${address}: ${advice}`, error);
}

/** Advice when the server's certificate is not accepted, or the server has no TLS. */
export function tlsError(address: string, files: TlsFiles, error: NodeJS.ErrnoException): ConnectError {
  const advice = tlsAdvice(files, error);
  if (advice === undefined) return tcpError(address, error, 'listen_tls');
  return new ConnectError(address, `cannot connect to libvirt at ${address}: ${advice}: ${error.message}`, error);
}

// OpenSSL's X509_V_ERR_*, as Node names them, and Node's own.
function tlsAdvice({ ca, crl }: TlsFiles, { code = '' }: NodeJS.ErrnoException): string | undefined {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return 'its certificate is of another host: name it in the URI as its certificate does';
  if (code.includes('CRL'))
    return `its certificate cannot be looked up in the list of revoked ones, ${crl}: renew that, or remove it`;
  if (code === 'CERT_REVOKED') return `its certificate is revoked by ${crl}`;
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return `its certificate, or that of its authority in ${ca}, is not valid now: renew it, or set the clocks`;
  if (/ISSUER|SELF_SIGNED|VERIFY|SIGNATURE|UNTRUSTED|INVALID_CA/.test(code))
    return `no authority in ${ca} has signed its certificate: put that of the one that did there`;
  // Hung up on, too.
  if (code === '' || code === 'ECONNRESET' || code.startsWith('ERR_SSL'))
    return 'the server does not speak a TLS version that this client supports';
  return undefined;
}

/** @param own whether this client has a certificate */
export function notAccepted(address: string, { cert, key }: TlsFiles, own: boolean, cause: unknown): ConnectError {
  const advice = own
    ? `this client's certificate, ${cert} (or its name: tls_allowed_dn_list in libvirtd.conf)`
    : `a client without a certificate: put one there as ${cert}, with its key ${key}`;
  return new ConnectError(address, `libvirtd at ${address} did not accept ${advice}`, cause);
}
