import type { Metadata } from './counter.js';

/** A service of the cloud, identified by its type in keystone's catalogue. */
export interface CloudService {
  /** `image`, `network`, `volumev3`, `object-store`, `identity`, `compute`, … */
  readonly type: string;
  /** Default: the one that the operator configured. */
  readonly interface?: 'public' | 'internal' | 'admin' | undefined;
  /** Used instead of `public` if the operator configured none. */
  readonly usualInterface?: 'public' | 'internal' | 'admin' | undefined;
}

/** A request for a listing. Equal requests are sent once per cycle. */
export interface CloudList {
  readonly service: CloudService;
  /** Path relative to the catalogue's endpoint, such as `/v2/images`. */
  readonly path: string;
  /** The key of the response that holds the items, such as `images`. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** The response to HEAD; header names are in lower case. */
export interface CloudHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Read-only access to the cloud's services, within one cycle and its deadline. Errors name service, method, URL,
 * status and request id. This is a service and not data, but each call is a request and a reply in plain data, so it
 * can be proxied to a pollster in another process. The error of a refused request has its `status`.
 */
export interface Cloud {
  /**
   * The items of all pages, as they arrive. Requested once per cycle, however many pollsters read it. Integers beyond
   * 2^53 are `bigint`.
   */
  list(list: CloudList): AsyncIterable<Metadata>;
  /** HEAD of a path relative to the endpoint, or of a URL on it. */
  head(service: CloudService, path: string): Promise<CloudHead>;
  /** The endpoint's URL without a trailing slash. */
  endpoint(service: CloudService): Promise<string>;
}
