import { UnsupportedTransportError, UriError } from './errors.js';

const transports = ['unix', 'tcp', 'tls'] as const;

/** A parsed libvirt URI: where to connect, and which hypervisor to open there. */
export interface LibvirtUri {
  readonly driver: string;
  readonly transport: (typeof transports)[number];
  /** Whether the URI names it: `test+unix` means a session's daemon where `test` does not. */
  readonly transportNamed: boolean;
  readonly host: string;
  readonly port: number | undefined;
  readonly path: string;
  /** The URI for the daemon's driver: without all that concerns the connection to the daemon. */
  readonly name: string;
  readonly socket: string | undefined;
  /** `direct`: the hypervisor's own daemon; `legacy`: libvirtd; `auto`: whichever exists. */
  readonly mode: 'auto' | 'direct' | 'legacy';
  readonly auth: string | undefined;
  readonly pkiPath: string | undefined;
  readonly verify: boolean;
}

/** The parameters that libvirt's remote driver keeps for itself (remote_driver.c, `doRemoteOpen`). */
const consumed = new Set([
  'name',
  'command',
  'socket',
  'auth',
  'sshauth',
  'netcat',
  'keyfile',
  'pkipath',
  'known_hosts',
  'known_hosts_verify',
  'tls_priority',
  'mode',
  'proxy',
  'no_sanity',
  'no_verify',
  'no_tty',
  'authfile',
]);

const grammar =
  /^(?<driver>[a-z][a-z0-9]*)(\+(?<transport>[a-z0-9]+))?:\/\/(?<authority>[^/?#]*)(?<path>\/[^?#]*)?(\?(?<query>[^#]*))?(?<fragment>#.*)?$/i;
const authorityGrammar = /^([^@]*@)?(?<host>\[[^\]]+\]|[^:]*)(:(?<port>\d+))?$/;

/** @throws UriError, UnsupportedTransportError */
export function parseUri(uri: string): LibvirtUri {
  const parts = grammar.exec(uri)?.groups;
  if (parts === undefined)
    throw new UriError(uri, 'expected driver[+transport]://[host[:port]]/path, e.g. qemu:///system');
  const driver = parts['driver']!.toLowerCase();
  const { host, port } = parseAuthority(uri, parts['authority'] ?? '');
  const path = decode(uri, parts['path'] ?? '');

  const named = parts['transport']?.toLowerCase();
  const transport = named ?? (host === '' ? 'unix' : 'tls');
  if (!isTransport(transport)) throw new UnsupportedTransportError(uri, transport);
  if (transport === 'unix' && host !== '')
    throw new UriError(uri, `a unix socket cannot be on another host ("${host}")`);

  const query = parseQuery(uri, parts['query'] ?? '');
  const own = new Map(query.map(({ key, value }) => [key.toLowerCase(), value]));
  const passedOn = query.filter(({ key }) => !consumed.has(key.toLowerCase())).map(({ text }) => text);
  if (own.has('tls_priority'))
    throw new UriError(uri, 'tls_priority is a GnuTLS setting, which this client cannot honour');

  return {
    driver,
    transport,
    transportNamed: named !== undefined,
    host: host === '' ? 'localhost' : host,
    port,
    path,
    name: own.get('name') ?? driverUri(driver, parts['path'] ?? '', passedOn, parts['fragment'] ?? ''),
    socket: own.get('socket'),
    mode: parseMode(uri, own.get('mode')),
    auth: own.get('auth'),
    pkiPath: own.get('pkipath'),
    verify: !parseFlag(uri, 'no_verify', own.get('no_verify')),
  };
}

/** `remote:///` lets the daemon find out which hypervisor it has. */
function driverUri(driver: string, path: string, query: readonly string[], fragment: string): string {
  if (driver === 'remote') return '';
  return `${driver}://${path}${query.length > 0 ? `?${query.join('&')}` : ''}${fragment}`;
}

function isTransport(name: string): name is LibvirtUri['transport'] {
  return (transports as readonly string[]).includes(name);
}

function parseAuthority(uri: string, authority: string): { host: string; port: number | undefined } {
  const parts = authorityGrammar.exec(authority)?.groups;
  const port = parts?.['port'] === undefined ? undefined : Number(parts['port']);
  if (parts === undefined || (port !== undefined && (port < 1 || port > 65_535))) {
    throw new UriError(uri, `"${authority.replace(/^.*@/, '')}" is not a host and port`);
  }
  return { host: decode(uri, parts['host']!.replace(/^\[(.*)\]$/, '$1')), port };
}

/** libvirt separates parameters by `&` or `;` and does not use `+` for a space. */
function parseQuery(uri: string, query: string): { key: string; value: string; text: string }[] {
  return query
    .split(/[&;]/)
    .filter((text) => text !== '')
    .map((text) => {
      const at = text.indexOf('=');
      const [key, value] = at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
      return { key: decode(uri, key), value: decode(uri, value), text };
    });
}

function parseMode(uri: string, mode: string | undefined): LibvirtUri['mode'] {
  if (mode === undefined || mode === 'auto') return 'auto';
  if (mode === 'direct' || mode === 'legacy') return mode;
  throw new UriError(uri, `mode=${mode}; expected auto, direct or legacy`);
}

function parseFlag(uri: string, key: string, value: string | undefined): boolean {
  if (value === undefined) return false;
  if (!/^\d+$/.test(value)) throw new UriError(uri, `${key}=${value}; expected 0 or 1`);
  return Number(value) !== 0;
}

function decode(uri: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UriError(uri, `"${text}" has a bad % escape`);
  }
}
