import type { SampleReader, Scope } from '@nephoscope/core/sample-store';

import type { ApiOptions } from '../options.js';
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
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** A `Link` to the same with another value of an argument. */
export function nextLink({ origin, path, parameters }: Asked, name: string, value: string): string {
  const next = new URLSearchParams();
  for (const [key, text] of parameters) if (key !== name) next.append(key, text);
  next.append(name, value);
  return `<${origin}${path}?${next.toString()}>; rel="next"`;
}
