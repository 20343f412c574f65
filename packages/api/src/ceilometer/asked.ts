import type { SampleReader, Scope } from '@nephoscope/core/sample-store';

import type { Caller } from '../access/caller.js';
import type { ApiOptions } from '../options.js';
import type { Body } from './body.js';
import type { SamplePublisher } from './posting/sample-publisher.js';
import type { Parameters } from './parameters.js';

/** A request, with everything needed to answer it. */
export interface Asked {
  readonly reader: SampleReader;
  readonly options: Pick<ApiOptions, 'defaultLimit' | 'sources'>;
  /** What the client may see. */
  readonly scope: Scope;
  /** The path, and the address that the client used, such as `http://localhost:8777`. */
  readonly path: string;
  readonly origin: string;
  readonly parameters: Parameters;
  readonly caller: Caller;
  /** Undefined where no samples may be posted. */
  readonly publisher: SamplePublisher | undefined;
  /** Undefined if the request has none. */
  readonly body: Body | undefined;
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal;
}

/** The number of items read at once, and before the first part of a reply is sent. */
export const pageSize = 1_000;

/**
 * A `Link` to the next page.
 *
 * @param name the argument for its beginning; `value` is the end of the first {@link pageSize} items
 * @param limit the requested number; the items between are skipped by the next request, because their end is not known yet
 */
export function nextLink({ origin, path, parameters }: Asked, name: string, value: string, limit: number): string {
  const next = new URLSearchParams();
  for (const [key, text] of parameters) if (key !== name && key !== 'skip') next.append(key, text);
  next.append(name, value);
  if (limit > pageSize) next.append('skip', String(limit - pageSize));
  return `<${origin}${path}?${next.toString()}>; rel="next"`;
}
