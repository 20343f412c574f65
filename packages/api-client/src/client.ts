import createFetchClient from 'openapi-fetch';
import type { Client, ClientOptions } from 'openapi-fetch';

import type { paths } from './schema.js';

type Media = 'application/json' | 'application/problem+json';

export type ApiClient = Client<paths, Media>;

export interface ApiClientOptions extends Pick<ClientOptions, 'fetch' | 'headers'> {
  /** Of the API, such as `http://127.0.0.1:8777`. */
  readonly baseUrl: string;
  /** Of keystone, or one that `nephoscope tokens create` made; none where nobody is authenticated. */
  readonly token?: string | undefined;
}

/** A client whose paths, parameters and replies are those of the API's document. It throws nothing of its own: an error is in the reply. */
export function createClient({ token, headers, ...options }: ApiClientOptions): ApiClient {
  return createFetchClient<paths, Media>({
    ...options,
    headers: {
      ...(headers as Record<string, string> | undefined),
      ...(token === undefined ? {} : { 'x-auth-token': token }),
    },
  });
}
