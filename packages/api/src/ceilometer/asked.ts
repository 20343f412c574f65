import type { SampleReader, Scope } from '@nephoscope/core/sample-store';

import type { Caller } from '../access/caller.js';
import type { ApiOptions } from '../options.js';
import type { Body } from './body.js';
import type { SamplePublisher } from './posting/sample-publisher.js';
import type { Parameters } from './parameters.js';

/** A request, and what it is answered with. */
export interface Asked {
  readonly reader: SampleReader;
  readonly options: Pick<ApiOptions, 'defaultLimit' | 'sources'>;
  /** What the client may see. */
  readonly scope: Scope;
  /** The path, and the address that it was asked at, such as `http://localhost:8777`. */
  readonly path: string;
  readonly origin: string;
  readonly parameters: Parameters;
  readonly caller: Caller;
  /** Undefined where no samples may be posted. */
  readonly publisher: SamplePublisher | undefined;
  /** Undefined where nothing was sent. */
  readonly body: Body | undefined;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** So many are read at once, and are there before the first part of a reply. */
export const pageSize = 1_000;

/**
 * A `Link` to what follows.
 *
 * @param name the argument that says where that begins, if `value` is the end of the first {@link pageSize}
 * @param limit how many were asked for; those between are skipped then, because where they end is not known yet
 */
export function nextLink({ origin, path, parameters }: Asked, name: string, value: string, limit: number): string {
  const next = new URLSearchParams();
  for (const [key, text] of parameters) if (key !== name && key !== 'skip') next.append(key, text);
  next.append(name, value);
  if (limit > pageSize) next.append('skip', String(limit - pageSize));
  return `<${origin}${path}?${next.toString()}>; rel="next"`;
}
