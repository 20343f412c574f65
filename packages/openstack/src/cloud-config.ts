import type { Secret } from '@nephoscope/core/options';

import type { ProxySettings } from './proxy.js';

export type EndpointInterface = 'public' | 'internal' | 'admin';

/** By id, or by name within a domain. */
export type Named =
  | { readonly id: string }
  | { readonly name: string; readonly domain: { readonly id: string } | { readonly name: string } };

export type Credentials =
  | { readonly type: 'password'; readonly user: Named; readonly password: Secret }
  | {
      readonly type: 'applicationCredential';
      readonly credential: { readonly id: string } | { readonly name: string; readonly user: Named };
      readonly secret: Secret;
    }
  | { readonly type: 'token'; readonly token: Secret };

/** What a token is for; `unscoped` leaves it to the user's default project. */
export type Scope =
  | { readonly type: 'project'; readonly project: Named }
  | { readonly type: 'domain'; readonly domain: { readonly id: string } | { readonly name: string } }
  | { readonly type: 'system' }
  | { readonly type: 'unscoped' };

/** A cloud and how to log in to it. */
export interface CloudConfig {
  /** For messages: the name in clouds.yaml, or the source of the settings. */
  readonly name: string;
  readonly authUrl: string;
  readonly credentials: Credentials;
  readonly scope: Scope;
  readonly interface: EndpointInterface;
  /** The interface is not configured: a service with another usual interface may use that. */
  readonly interfaceIsDefault?: true | undefined;
  readonly region: string | undefined;
  /** Endpoints that replace those of the catalogue, by type of service. */
  readonly endpointOverrides: Readonly<Record<string, string>>;
  readonly tls: {
    /** PEM. */
    readonly ca: string | undefined;
    readonly cert: string | undefined;
    readonly key: string | undefined;
    readonly verify: boolean;
  };
  /** Those of the environment; without them every service is reached directly. */
  readonly proxies?: ProxySettings | undefined;
  /** For one request and its answer, ms. */
  readonly timeout: number;
  /** Warnings about a working configuration that should be corrected; a session logs them. */
  readonly warnings?: readonly string[] | undefined;
}
