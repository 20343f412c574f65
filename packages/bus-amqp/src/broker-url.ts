import { Secret } from '@nephoscope/core/options';
import { inspect } from 'node:util';

const mistake =
  'must be amqp://user:password@host:port/vhost or amqps://…, with special characters percent-encoded';

/** The location of a broker and the login. Never prints its password. */
export class BrokerUrl {
  readonly tls: boolean;
  readonly hostname: string;
  readonly port: number;
  readonly username: string;
  readonly password: Secret;
  readonly vhost: string;

  /** @throws TypeError if it is not an AMQP URL; the message does not quote it */
  constructor(text: string) {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !/^amqps?:$/.test(url.protocol) || url.hostname === '') throw new TypeError(mistake);
    // What looks like a host or a virtual host is then part of the password, and would be quoted.
    if (url.username === '' && url.pathname.includes('@')) throw new TypeError(mistake);
    if (url.search !== '' || url.hash !== '')
      throw new TypeError(`${mistake}; settings after '?' are separate options here`);
    if (url.pathname.slice(1).includes('/'))
      throw new TypeError(`${mistake}; a '/' in the name of the virtual host is written %2F`);
    this.tls = url.protocol === 'amqps:';
    this.hostname = url.hostname.replace(/^\[|\]$/g, '');
    this.port = url.port === '' ? (this.tls ? 5671 : 5672) : Number(url.port);
    try {
      this.username = decodeURIComponent(url.username) || 'guest';
      this.password = new Secret(url.password === '' ? 'guest' : decodeURIComponent(url.password));
      // 'amqp://host' and 'amqp://host/' both mean the default virtual host, as elsewhere in OpenStack.
      this.vhost = decodeURIComponent(url.pathname.slice(1)) || '/';
    } catch {
      throw new TypeError(mistake);
    }
  }

  toString(): string {
    const host = this.hostname.includes(':') ? `[${this.hostname}]` : this.hostname;
    return `${this.tls ? 'amqps' : 'amqp'}://${encodeURIComponent(this.username)}@${host}:${this.port}/${encodeURIComponent(this.vhost)}`;
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }
}
