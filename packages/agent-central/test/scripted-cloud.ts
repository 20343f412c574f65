import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Item = Readonly<Record<string, unknown>>;

/** What happens to a request; undefined: it is answered as usual. */
type Fault = (request: IncomingMessage, response: ServerResponse) => true | undefined;

export interface ScriptedCloud {
  readonly url: string;
  /** `GET /path?query` of each request. */
  readonly asked: string[];
  /** The types of services that the catalogue lacks. */
  readonly absent: Set<string>;
  /** By the first segment of the path: `identity`, `image`, `network`, `volume`, `object-store`. */
  readonly faults: Map<string, Fault>;
  readonly images: Item[];
  /** Invalidates all tokens. */
  revokeTokens(): void;
  close(): Promise<void>;
}

const ownProject = 'project-own';
export const project = 'project-1';

const paths: Readonly<Record<string, string>> = {
  identity: '/identity/v3/',
  image: '/image',
  network: '/network',
  volumev3: `/volume/v3/${ownProject}`,
  'object-store': `/object-store/v1/AUTH_${ownProject}`,
};

/** The services that a central agent reads, over HTTP, with pages of 100. */
export async function startCloud(): Promise<ScriptedCloud> {
  const asked: string[] = [];
  const absent = new Set<string>();
  const faults = new Map<string, Fault>();
  const images: Item[] = [];
  let tokens = 0;
  let firstValid = 1;

  const server = createServer((request, response) => {
    const target = new URL(request.url ?? '', 'http://cloud');
    asked.push(`${request.method} ${request.url}`);
    const service = target.pathname.split('/')[1] ?? '';
    if (faults.get(service)?.(request, response) === true) return;
    answer(request, response, target);
  });

  const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) => {
    response.writeHead(status, {
      'content-type': 'application/json',
      'x-openstack-request-id': 'req-1',
      ...headers,
    });
    response.end(JSON.stringify(body));
  };

  function answer(request: IncomingMessage, response: ServerResponse, target: URL): void {
    const { pathname, searchParams } = target;
    if (pathname === '/identity/v3/auth/tokens') {
      tokens += 1;
      return json(response, 201, { token: tokenBody() }, { 'x-subject-token': `token-${tokens}` });
    }
    const token = Number(String(request.headers['x-auth-token']).slice('token-'.length));
    if (!(token >= firstValid)) return json(response, 401, { error: { message: 'token revoked', code: 401 } });
    if (pathname === '/identity/v3/projects') {
      const ids = [project, 'project-without-account', ownProject];
      return json(response, 200, { projects: ids.map((id) => ({ id, name: id })), links: { next: null } });
    }
    if (pathname === '/image/v2/images') {
      const marker = searchParams.get('marker');
      const start = marker === null ? 0 : images.findIndex(({ id }) => id === marker) + 1;
      const page = images.slice(start, start + 100);
      const last = page.at(-1);
      const more = start + 100 < images.length;
      return json(response, 200, {
        images: page,
        first: '/v2/images',
        ...(more && last !== undefined && { next: `/v2/images?limit=100&marker=${String(last['id'])}` }),
      });
    }
    const kind =
      pathname
        .split('/')
        .filter((segment) => segment !== 'detail')
        .at(-1) ?? '';
    if (pathname.startsWith('/network/v2.0/')) {
      const items = kind === 'floatingips' ? [{ id: 'ip-1', project_id: project, status: 'ACTIVE' }] : [];
      return json(response, 200, { [kind]: items });
    }
    if (pathname.startsWith('/volume/v3/')) {
      return json(response, 200, { [kind]: kind === 'volumes' ? [{ id: 'volume-1', size: 5 }] : [] });
    }
    if (pathname.startsWith('/object-store/v1/')) {
      const exists = pathname.endsWith(`AUTH_${project}`);
      if (request.method === 'GET') {
        const containers = exists && !searchParams.has('marker') ? [{ name: 'бакет', count: 2, bytes: 7 }] : [];
        return json(response, 200, containers);
      }
      response.writeHead(exists ? 204 : 200, {
        'x-account-object-count': exists ? '2' : '0',
        'x-account-bytes-used': exists ? '7' : '0',
        'x-account-container-count': exists ? '1' : '0',
      });
      return void response.end();
    }
    json(response, 404, { message: `nothing at ${pathname}` });
  }

  function tokenBody() {
    const endpoints = (path: string) =>
      ['public', 'internal', 'admin'].map((name) => ({ interface: name, region_id: 'here', url: url + path }));
    return {
      issued_at: new Date().toISOString(),
      expires_at: new Date(Date.now() + 3_600_000).toISOString(),
      catalog: Object.entries(paths)
        .filter(([type]) => !absent.has(type))
        .map(([type, path]) => ({ type, name: type, endpoints: endpoints(path) })),
    };
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...{ url, asked, absent, faults, images },
    revokeTokens: () => void (firstValid = tokens + 1),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
