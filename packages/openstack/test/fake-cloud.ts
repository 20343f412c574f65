import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Recording {
  readonly request: { readonly line: string; readonly url: string };
  readonly response: {
    readonly status: number;
    readonly headers: readonly (readonly [string, string])[];
    readonly body: string;
  };
}

export interface SeenRequest {
  /** As in `GET /v2/images?limit=3`. */
  readonly line: string;
  readonly token: string | undefined;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

export type Interruption = (request: IncomingMessage, response: ServerResponse) => void;

/** By the port that each service had where the recordings were made. */
const services = { keystone: 5000, nova: 8774, glance: 9292, neutron: 9696, cinder: 8776, swift: 8088 } as const;
export type ServiceName = keyof typeof services;

export function recording(name: string): Recording {
  return JSON.parse(readFileSync(new URL(`captures/${name}.json`, import.meta.url), 'utf8')) as Recording;
}

/** A cloud on real sockets that returns the recorded responses, and issues tokens of which only the last is valid. */
export class FakeCloud {
  readonly requests: SeenRequest[] = [];
  readonly tokens: string[] = [];
  /** Changes keystone's response before it is sent. */
  editToken: (body: string) => string = (body) => body;
  readonly #servers = new Map<ServiceName, Server>();
  readonly #recordings = new Map<string, Recording>();
  /** What happens to the next requests with this request line instead of the recorded response. */
  readonly #interruptions = new Map<string, Interruption[]>();
  readonly #scripts = new Map<ServiceName, Interruption>();
  #valid: string | undefined;

  static async start(...names: readonly string[]): Promise<FakeCloud> {
    const cloud = new FakeCloud();
    for (const name of Object.keys(services) as ServiceName[]) {
      const server = createServer((request, response) => void cloud.#answer(name, request, response));
      cloud.#servers.set(name, server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    }
    for (const name of names) cloud.play(recording(name));
    return cloud;
  }

  play(one: Recording): void {
    const { pathname, search } = new URL(one.request.url);
    this.#recordings.set(`${one.request.line.split(' ')[0]} ${pathname}${search}`, one);
  }

  origin(service: ServiceName): string {
    return `http://127.0.0.1:${(this.#servers.get(service)!.address() as AddressInfo).port}`;
  }

  interrupt(line: string, ...interruptions: readonly Interruption[]): void {
    this.#interruptions.set(line, [...(this.#interruptions.get(line) ?? []), ...interruptions]);
  }

  uninterrupt(): void {
    this.#interruptions.clear();
  }

  /** Answers all requests to a service that have the token, instead of the recordings. */
  always(service: ServiceName, answer: Interruption): void {
    this.#scripts.set(service, answer);
  }

  revoke(): void {
    this.#valid = undefined;
  }

  lines(): readonly string[] {
    return this.requests.map(({ line }) => line);
  }

  async stop(): Promise<void> {
    for (const server of this.#servers.values()) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  async #answer(service: ServiceName, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const line = `${request.method} ${request.url}`;
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const token = request.headers['x-auth-token'];
    this.requests.push({
      line,
      body,
      headers: request.headers,
      token: typeof token === 'string' ? token : undefined,
    });
    const interruption = this.#interruptions.get(line)?.shift();
    if (interruption !== undefined) return interruption(request, response);
    if (line === 'POST /v3/auth/tokens') return this.#logIn(body, response);
    if (token !== this.#valid || token === undefined)
      return this.#send(recording('nova.servers.bad-token'), response);
    const script = this.#scripts.get(service);
    if (script !== undefined) return script(request, response);
    const recorded = this.#recordings.get(line);
    if (recorded === undefined) return void response.writeHead(404, { 'content-type': 'text/html' }).end('<html>');
    this.#send(recorded, response);
  }

  #logIn(body: string, response: ServerResponse): void {
    if (body.includes('wrong')) return this.#send(recording('keystone.auth.tokens.wrong-password'), response);
    this.#valid = `gAAAAAB-token-${this.tokens.length + 1}`;
    this.tokens.push(this.#valid);
    const recorded = recording('keystone.auth.tokens.password-project-scoped');
    this.#send(
      { ...recorded, response: { ...recorded.response, body: this.editToken(recorded.response.body) } },
      response,
      {
        'x-subject-token': this.#valid,
      },
    );
  }

  #send({ response: recorded }: Recording, response: ServerResponse, more: Record<string, string> = {}): void {
    let { body } = recorded;
    for (const [name, port] of Object.entries(services))
      body = body.replaceAll(`http://127.0.0.1:${port}`, this.origin(name as ServiceName));
    const headers = Object.fromEntries(
      recorded.headers.filter(([name]) => !/^(content-length|connection|date|x-subject-token)$/i.test(name)),
    );
    response.writeHead(recorded.status, { ...headers, ...more }).end(body);
  }
}

/** A response for which there is no recording. */
export function says(
  status: number,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Interruption {
  return (_request, response) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
}

/** Resets the connection instead of answering. */
export const resets: Interruption = (request) => void request.socket.resetAndDestroy();

/** Never answers. */
export const hangs: Interruption = () => undefined;
