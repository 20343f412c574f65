import type { EndpointInterface } from './cloud-config.js';
import { fieldOf, objectsOf, textOf } from './json.js';
import type { JsonValue } from './json.js';

/** Types that are one service by the service types authority; `volume` and `volumev2` are other versions of it. */
const sameService: readonly (readonly string[])[] = [['block-storage', 'volumev3', 'block-store']];

interface Endpoint {
  readonly type: string;
  readonly interface: string;
  readonly region: string;
  readonly url: string;
}

export interface EndpointWanted {
  readonly type: string;
  readonly interface: EndpointInterface;
  readonly region: string | undefined;
}

/** The endpoints that came with a token. */
export class Catalogue {
  readonly #endpoints: readonly Endpoint[];

  /** @param catalogue `token.catalog` of keystone's answer */
  constructor(catalogue: JsonValue | undefined) {
    this.#endpoints = objectsOf(catalogue).flatMap((service) =>
      objectsOf(fieldOf(service, 'endpoints')).flatMap((endpoint): Endpoint[] => {
        const url = textOf(endpoint, 'url');
        const type = textOf(service, 'type');
        if (url === undefined || type === undefined) return [];
        return [
          {
            type,
            interface: textOf(endpoint, 'interface') ?? '',
            region: textOf(endpoint, 'region_id') ?? textOf(endpoint, 'region') ?? '',
            url: url.replace(/\/+$/, ''),
          },
        ];
      }),
    );
  }

  /** Without a trailing slash; undefined if there is none. */
  endpoint(wanted: EndpointWanted): string | undefined {
    for (const type of typesOf(wanted.type)) {
      const found = this.#endpoints.find(
        (one) =>
          one.type === type &&
          one.interface === wanted.interface &&
          (wanted.region === undefined || one.region === wanted.region),
      );
      if (found !== undefined) return found.url;
    }
    return undefined;
  }

  /** For error messages: which endpoints exist instead of the missing one. */
  insteadOf({ type }: EndpointWanted): string {
    if (this.#endpoints.length === 0)
      return 'the catalogue is empty: log in to a project (projectName, projectId)';
    const types = typesOf(type);
    const same = this.#endpoints.filter((one) => types.includes(one.type));
    return same.length > 0
      ? `it has ${list(same.map((one) => `${one.interface} in ${one.region || 'no region'}`))}`
      : `the catalogue has ${list(this.#endpoints.map((one) => one.type))}`;
  }
}

function typesOf(type: string): readonly string[] {
  const same = sameService.find((types) => types.includes(type)) ?? [];
  return [type, ...same.filter((other) => other !== type)];
}

function list(names: readonly string[]): string {
  return [...new Set(names)].join(', ');
}
