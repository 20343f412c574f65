import { rootCertificates } from 'node:tls';

import type { Dispatcher, request } from 'undici';

import type { CloudConfig } from './cloud-config.js';
import { ProxyRules } from './proxy.js';

type Undici = Awaited<ReturnType<typeof load>>;
const load = () => import('undici');

/**
 * The connections to services, directly or through a proxy. Loaded with the first request, because undici compiles
 * WebAssembly, which takes tens of MiB in a program that never sends one.
 */
export class Http {
  readonly #config: Pick<CloudConfig, 'tls' | 'timeout'>;
  readonly #proxies: ProxyRules | undefined;
  #undici: Promise<Undici> | undefined;
  #direct: Dispatcher | undefined;
  readonly #through = new Map<string, Dispatcher>();

  constructor(config: Pick<CloudConfig, 'tls' | 'timeout' | 'proxies'>) {
    this.#config = config;
    this.#proxies = config.proxies === undefined ? undefined : new ProxyRules(config.proxies);
  }

  /** The proxy that the URL is reached through. May hold a user and password. */
  proxyFor(url: URL): URL | undefined {
    return this.#proxies?.proxyFor(url);
  }

  async request(
    url: URL,
    options: NonNullable<Parameters<typeof request>[1]>,
  ): Promise<Dispatcher.ResponseData<unknown>> {
    const undici = await (this.#undici ??= load());
    const proxy = this.proxyFor(url);
    const dispatcher = proxy === undefined ? (this.#direct ??= this.#agent(undici)) : this.#proxy(undici, proxy);
    return undici.request(url, { ...options, dispatcher });
  }

  async close(): Promise<void> {
    const all = [...(this.#direct === undefined ? [] : [this.#direct]), ...this.#through.values()];
    this.#direct = undefined;
    this.#through.clear();
    await Promise.all(all.map((dispatcher) => dispatcher.destroy()));
  }

  #agent(undici: Undici): Dispatcher {
    return new undici.Agent({ connect: this.#tls(), ...noLimits });
  }

  #proxy(undici: Undici, proxy: URL): Dispatcher {
    let dispatcher = this.#through.get(proxy.href);
    if (dispatcher === undefined) {
      const { tls, timeout } = this.#config;
      const { username, password } = proxy;
      const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
      dispatcher = new undici.ProxyAgent({
        uri: proxy.origin,
        ...(username !== '' && { token: `Basic ${Buffer.from(credentials).toString('base64')}` }),
        // As every client: CONNECT for https alone, which many a proxy allows for no other port than its own.
        proxyTunnel: false,
        requestTls: this.#tls(),
        // The proxy's certificate may be of the cloud's own authority or of a public one.
        proxyTls: {
          timeout,
          rejectUnauthorized: tls.verify,
          ...(tls.ca !== undefined && { ca: [...rootCertificates, tls.ca] }),
        },
        ...noLimits,
      });
      this.#through.set(proxy.href, dispatcher);
    }
    return dispatcher;
  }

  #tls() {
    const { ca, cert, key, verify } = this.#config.tls;
    return {
      rejectUnauthorized: verify,
      timeout: this.#config.timeout,
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    };
  }
}

/** The deadline of each request covers these. */
const noLimits = { headersTimeout: 0, bodyTimeout: 0 };
