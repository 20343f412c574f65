import type { Metadata } from './counter.js';

/** A service of the cloud by its type in keystone's catalogue. */
export interface CloudService {
  /** `image`, `network`, `volumev3`, `object-store`, `identity`, `compute`, … */
  readonly type: string;
  /** By default the one that the operator configured. */
  readonly interface?: 'public' | 'internal' | 'admin' | undefined;
  /** In place of `public`, where the operator configured none. */
  readonly usualInterface?: 'public' | 'internal' | 'admin' | undefined;
}

/** A request of a listing; two that are equal are one within a cycle. */
export interface CloudList {
  readonly service: CloudService;
  /** Behind the endpoint of the catalogue, such as `/v2/images`. */
  readonly path: string;
  /** The key of the answer that holds the items, such as `images`. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What a service answered to HEAD: names of headers in lower case. */
export interface CloudHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Read-only access to the cloud's services, within one cycle and its deadline. Errors name service, method, URL, status
 * and request id. A service, not data: but each call is a request and an answer of plain data, so that a pollster in
 * another process may be given one that passes its calls on. An error of a request that was refused has its `status`.
 */
export interface Cloud {
  /** The items of all pages, as they come. Asked once a cycle however many pollsters read it. Integers beyond 2^53 are `bigint`. */
  list(list: CloudList): AsyncIterable<Metadata>;
  /** HEAD of a path behind the endpoint, or of a URL on it. */
  head(service: CloudService, path: string): Promise<CloudHead>;
  /** The endpoint's URL, without a slash at its end. */
  endpoint(service: CloudService): Promise<string>;
}
