import type { EndpointInterface } from './cloud-config.js';

/** A service of the cloud by its type in the catalogue. */
export interface Service {
  /** `image`, `network`, `volumev3`, `object-store`, `identity`, `compute`, … */
  readonly type: string;
  /** By default the configured one. */
  readonly interface?: EndpointInterface | undefined;
  /** In place of `public`, where neither this request nor the configuration chose one. */
  readonly usualInterface?: EndpointInterface | undefined;
}

export interface ListRequest {
  readonly service: Service;
  /** Path below the endpoint, such as `/v2/images`, or a URL on it. */
  readonly path: string;
  /** The key of the answer with the items, such as `images`; '' if the answer itself is the list. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}
