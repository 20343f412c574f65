import { BlockList, isIP } from 'node:net';

import type { Environment } from './clouds-file.js';
import { OpenStackError } from './errors.js';

/** As in the variables `http_proxy`, `https_proxy` and `no_proxy`. */
export interface ProxySettings {
  /** For services at `http:` URLs. May hold a user and password. */
  readonly http: URL | undefined;
  /** For services at `https:` URLs, which are reached through it by CONNECT. */
  readonly https: URL | undefined;
  readonly none: string;
}

const defaultPorts: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/**
 * The proxies of the environment, by curl's rules: a name in lower case overrides one in upper case (even if empty),
 * `all_proxy` is used if there is none for the scheme, and a proxy without a scheme uses `http:`.
 *
 * @returns undefined if there is none
 * @throws OPENSTACK_CONFIG
 */
export function proxiesIn(env: Environment): ProxySettings | undefined {
  const named = (name: string) => env[name] ?? env[name.toUpperCase()] ?? '';
  const proxy = (name: string): URL | undefined => {
    const used = [name, 'all_proxy'].find((one) => named(one) !== '' || env[one] === '');
    const text = used === undefined ? '' : named(used).trim();
    if (used === undefined || text === '') return undefined;
    const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
    const url = URL.canParse(whole) ? new URL(whole) : undefined;
    // The value may contain a password: it is not quoted.
    if (url === undefined || url.hostname === '' || defaultPorts[url.protocol] === undefined)
      throw new OpenStackError(
        'OPENSTACK_CONFIG',
        `the environment variable ${used} (or ${used.toUpperCase()}) is no URL of an http or https proxy, such as http://proxy:3128`,
      );
    return url;
  };
  const [http, https] = [proxy('http_proxy'), proxy('https_proxy')];
  return http === undefined && https === undefined ? undefined : { http, https, none: named('no_proxy') };
}

/** The proxy for a URL. */
export class ProxyRules {
  readonly #settings: Pick<ProxySettings, 'http' | 'https'>;
  readonly #exceptions: readonly ((host: string, port: string) => boolean)[];

  constructor({ http, https, none }: ProxySettings) {
    this.#settings = { http, https };
    this.#exceptions = [
      isLoopback,
      ...none
        .toLowerCase()
        .split(/[\s,]+/)
        .filter((entry) => entry !== '')
        .map(exception),
    ];
  }

  /** Undefined for a URL that is reached directly. */
  proxyFor(url: URL): URL | undefined {
    const proxy = url.protocol === 'https:' ? this.#settings.https : this.#settings.http;
    if (proxy === undefined) return undefined;
    const host = url.hostname.toLowerCase().replace(/^\[|\]$|\.$/g, '');
    const port = url.port === '' ? (defaultPorts[url.protocol] ?? '') : url.port;
    return this.#exceptions.some((isDirect) => isDirect(host, port)) ? undefined : proxy;
  }
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** A proxy on another host would reach itself at that address. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || within(loopback, host);
}

/**
 * An entry of `no_proxy`: `*`; a host, which includes its subdomains (`example.org`, `.example.org`,
 * `*.example.org`); an address or a range of addresses (`10.0.0.0/8`, `fd00::/8`), for which names are not resolved.
 * A port may follow.
 */
function exception(entry: string): (host: string, port: string) => boolean {
  if (entry === '*') return () => true;
  const [, range = '', prefix = ''] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? [];
  const kind = isIP(range);
  if (kind !== 0 && Number(prefix) <= (kind === 4 ? 32 : 128)) {
    const addresses = new BlockList();
    addresses.addSubnet(range, Number(prefix), family(kind));
    return (host) => within(addresses, host);
  }
  const [, bracketed, plain, ofPort = ''] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(entry) ?? [];
  const name = (bracketed ?? plain ?? entry).replace(/^\*?\./, '').replace(/\.$/, '');
  const isPort = (port: string) => ofPort === '' || ofPort === port;
  if (isIP(name) !== 0) {
    const addresses = new BlockList();
    addresses.addAddress(name, family(isIP(name)));
    return (host, port) => isPort(port) && within(addresses, host);
  }
  return (host, port) => isPort(port) && (host === name || host.endsWith(`.${name}`));
}

function within(addresses: BlockList, host: string): boolean {
  const kind = isIP(host);
  return kind !== 0 && addresses.check(host, family(kind));
}

const family = (kind: number) => (kind === 4 ? 'ipv4' : 'ipv6');
