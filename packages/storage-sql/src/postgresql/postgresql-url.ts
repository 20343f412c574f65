import { isIP } from 'node:net';
import { inspect } from 'node:util';

import { Secret } from '@nephoscope/core/options';

/** The use of TLS, in libpq's terms. */
export const sslModes = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof sslModes)[number];

const mistake =
  'must be postgresql://user:password@host:5432/database, with special characters percent-encoded; ' +
  'for a unix socket postgresql://user@/database?host=/var/run/postgresql';

/** The location of a PostgreSQL database and the login. Never prints its password. */
export class PostgresqlUrl {
  /** A host name, an address, or the folder of a unix socket. */
  readonly host: string;
  readonly port: number;
  /** Undefined: `PGUSER`, or the user of the process. */
  readonly user: string | undefined;
  /** Undefined: `PGPASSWORD`, or the file `~/.pgpass`. */
  readonly password: Secret | undefined;
  readonly database: string;
  readonly sslMode: SslMode;

  /** @throws TypeError if it is not such a URL; the message does not quote it */
  constructor(text: string) {
    // A URL without a host cannot have a user, so the parser is given a host.
    const complete = text.replace(/^(postgres(?:ql)?:\/\/(?:[^@/?#]*@)?)(?=[/?])/, '$1socket.invalid');
    const url = URL.canParse(complete) ? new URL(complete) : undefined;
    if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol) || url.hash !== '')
      throw new TypeError(mistake);
    // What looks like a database or a setting is then part of the password, and would be quoted.
    if (url.username === '' && (url.pathname + url.search).includes('@')) throw new TypeError(mistake);
    const settings = new Map(url.searchParams);
    const socket = settings.get('host');
    const sslMode = settings.get('sslmode');
    settings.delete('host');
    settings.delete('sslmode');
    if (settings.size > 0)
      throw new TypeError(
        `of settings after '?' only 'sslmode' and 'host' are known, not '${[...settings.keys()].join("', '")}'`,
      );
    if (sslMode !== undefined && !isSslMode(sslMode))
      throw new TypeError(`'sslmode' must be one of ${sslModes.join(', ')}`);
    if ((url.hostname === 'socket.invalid') !== (socket !== undefined) || socket?.startsWith('/') === false)
      throw new TypeError(mistake);
    try {
      this.host = socket ?? decodeURIComponent(url.hostname).replace(/^\[|\]$/g, '');
      this.user = decodeURIComponent(url.username) || undefined;
      this.password = url.password === '' ? undefined : new Secret(decodeURIComponent(url.password));
      this.database = decodeURIComponent(url.pathname.slice(1));
    } catch {
      throw new TypeError(mistake);
    }
    if (this.host === '' || this.database === '' || this.database.includes('/')) throw new TypeError(mistake);
    this.port = url.port === '' ? 5432 : Number(url.port);
    this.sslMode = sslMode ?? (isThisMachine(this.host) ? 'disable' : 'verify-full');
  }

  toString(): string {
    const user = this.user === undefined ? '' : `${encodeURIComponent(this.user)}@`;
    const database = encodeURIComponent(this.database);
    if (this.host.startsWith('/')) return `postgresql://${user}/${database}?host=${this.host}`;
    const host = this.host.includes(':') ? `[${this.host}]` : this.host;
    return `postgresql://${user}${host}:${this.port}/${database}`;
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

function isSslMode(text: string): text is SslMode {
  return sslModes.some((mode) => mode === text);
}

function isThisMachine(host: string): boolean {
  return (
    host.startsWith('/') || host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
  );
}
