import { setImmediate as tick } from 'node:timers/promises';

import type { Secret } from '@nephoscope/core/options';

import type { Answer } from './answer.js';
import { jsonOf, refusal, saidIn } from './answers.js';
import type { CloudConfig } from './cloud-config.js';
import { OpenStackError } from './errors.js';
import { Identity, secretOf } from './identity.js';
import { fieldOf, isJsonObject } from './json.js';
import type { JsonObject } from './json.js';
import type { ListRequest, Service } from './list-request.js';
import type { Logger } from './logger.js';
import { PageWalk } from './paging.js';
import { Redaction } from './redaction.js';
import { Transport } from './transport.js';
import type { TransportTools } from './transport.js';
import { joinUrl, printable } from './urls.js';

export type { ListRequest, Service } from './list-request.js';
export type { Logger } from './logger.js';

/** Names of headers are in lower case. */
export interface HeadAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Read-only access to the services of a cloud. Logs in when first needed, and again before the token expires and when
 * a service refuses it; retries when a service is unavailable or too busy.
 *
 * Each call throws an {@link OpenStackError}: OPENSTACK_AUTH (keystone refuses the login), OPENSTACK_ENDPOINT (the
 * catalogue lacks the service), OPENSTACK_HTTP (the service refuses), OPENSTACK_UNAVAILABLE (it does not answer in
 * time), OPENSTACK_ANSWER (its answer is invalid); or the signal's reason if that is aborted.
 */
export interface Session {
  /**
   * The items page by page, each requested when the previous one is finished, and a large page in pieces of 1,000
   * items or 1 MiB. No page is empty.
   */
  list(list: ListRequest, signal: AbortSignal): AsyncIterable<readonly JsonObject[]>;
  get(
    service: Service,
    path: string,
    options: {
      readonly query?: Readonly<Record<string, string>> | undefined;
      readonly headers?: Readonly<Record<string, string>> | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<JsonObject>;
  /** An answer of status 2xx or 404; others are OPENSTACK_HTTP. */
  head(service: Service, pathOrUrl: string, options: { readonly signal: AbortSignal }): Promise<HeadAnswer>;
  /**
   * What keystone knows of a token that somebody else sent, the member `token` of its answer without the catalogue.
   * Undefined if it is unknown, expired or revoked. The token is in no error and in no log.
   */
  validate(token: Secret, signal: AbortSignal): Promise<JsonObject | undefined>;
  /** The endpoint's URL, without a slash at its end. */
  endpoint(service: Service, signal: AbortSignal): Promise<string>;
  /** Services that have not answered for seconds and are being retried, each with the reason; keystone by its name. */
  away(): readonly string[];
  /** A text without the configured secret and keystone's tokens, which services may repeat in their answers. */
  hide(text: string): string;
  /** Aborts requests in progress. Safe to call twice. */
  close(): Promise<void>;
}

export type SessionTools = TransportTools;

/** Sends no request yet. */
export function createSession(config: CloudConfig, tools: SessionTools): Session {
  if (!config.tls.verify)
    tools.logger.warn(
      { cloud: config.name },
      'certificates of services are not checked (verify: false): anybody between can read and change all',
    );
  for (const warning of config.warnings ?? []) tools.logger.warn({ cloud: config.name }, warning);
  return new CloudSession(config, tools);
}

class CloudSession implements Session {
  readonly #config: CloudConfig;
  readonly #logger: Logger;
  readonly #transport: Transport;
  readonly #identity: Identity;
  readonly #redaction: Redaction;

  constructor(config: CloudConfig, tools: SessionTools) {
    this.#config = config;
    this.#redaction = new Redaction(secretOf(config.credentials).reveal());
    this.#logger = this.#redaction.logger(tools.logger);
    this.#transport = new Transport(config, { ...tools, logger: this.#logger });
    this.#identity = new Identity(config, this.#transport, this.#logger, this.#redaction);
  }

  async *list(list: ListRequest, signal: AbortSignal): AsyncGenerator<readonly JsonObject[], void, undefined> {
    try {
      yield* this.#list(list, signal);
    } catch (error) {
      throw this.#redaction.error(error);
    }
  }

  get(service: Service, path: string, options: Parameters<Session['get']>[2]): Promise<JsonObject> {
    return this.#redacted(this.#get(service, path, options));
  }

  head(service: Service, pathOrUrl: string, { signal }: { readonly signal: AbortSignal }): Promise<HeadAnswer> {
    return this.#redacted(this.#head(service, pathOrUrl, signal));
  }

  validate(token: Secret, signal: AbortSignal): Promise<JsonObject | undefined> {
    return this.#redacted(this.#validate(token, signal));
  }

  endpoint(service: Service, signal: AbortSignal): Promise<string> {
    return this.#redacted(this.#endpoint(service, signal));
  }

  away(): readonly string[] {
    return this.#transport.away().map((text) => this.hide(text));
  }

  hide(text: string): string {
    return this.#redaction.hide(text);
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #redacted<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      throw this.#redaction.error(error);
    }
  }

  async *#list(list: ListRequest, signal: AbortSignal): AsyncGenerator<readonly JsonObject[], void, undefined> {
    const endpoint = await this.#endpoint(list.service, signal);
    const walk = new PageWalk(list, endpoint, this.#url(list.service, endpoint, list.path, list.query));
    while (walk.url !== undefined) {
      const answer = await this.#send('GET', list.service, walk.url, signal, list);
      if (answer.status === 204) return;
      if (answer.status === 200) {
        try {
          for (const items of walk.take(answer)) {
            yield items;
            await tick();
            signal.throwIfAborted();
          }
        } finally {
          answer.body.release();
        }
        continue;
      }
      const refused = refusal(answer, this.#redaction);
      const back = walk.goBack(answer);
      if (back === undefined) throw refused;
      this.#logger.info(
        { ...answer.context, err: refused },
        `the marker item of a page of ${list.service.type} was deleted; the listing continues from ${back}`,
      );
    }
  }

  async #get(
    service: Service,
    path: string,
    { query, headers, signal }: Parameters<Session['get']>[2],
  ): Promise<JsonObject> {
    const url = this.#url(service, await this.#endpoint(service, signal), path, query);
    const answer = await this.#send('GET', service, url, signal, { headers });
    if (answer.status < 200 || answer.status > 299) throw refusal(answer, this.#redaction);
    const value = jsonOf(answer);
    if (!isJsonObject(value))
      throw new OpenStackError('OPENSTACK_ANSWER', 'the answer is not an object', { context: answer.context });
    return value;
  }

  async #head(service: Service, pathOrUrl: string, signal: AbortSignal): Promise<HeadAnswer> {
    const url = this.#url(service, await this.#endpoint(service, signal), pathOrUrl);
    const answer = await this.#send('HEAD', service, url, signal);
    const { status, headers } = answer;
    if ((status < 200 || status > 299) && status !== 404) throw refusal(answer, this.#redaction);
    return { status, headers };
  }

  async #validate(token: Secret, signal: AbortSignal): Promise<JsonObject | undefined> {
    const url = joinUrl(this.#config.authUrl, '/v3/auth/tokens?nocatalog');
    const headers = { 'x-subject-token': token.reveal() };
    const answer = await this.#send('GET', { type: 'identity' }, url, signal, { headers });
    const { status, context, body } = answer;
    if (status === 200) {
      const known = fieldOf(jsonOf(answer), 'token');
      if (isJsonObject(known)) return known;
      throw new OpenStackError('OPENSTACK_ANSWER', 'keystone says nothing of a valid token', { context });
    }
    // Not what it says, which names the token.
    body.release();
    if (status === 404) return undefined;
    const advice =
      status === 403 ? ': give the user of the section openstack the role admin, or reader on the system' : '';
    throw new OpenStackError('OPENSTACK_HTTP', `keystone does not check a token${advice}`, { context });
  }

  async #endpoint(service: Service, signal: AbortSignal): Promise<string> {
    const { endpointOverrides, interface: chosen, interfaceIsDefault, region } = this.#config;
    const usual = interfaceIsDefault === true ? (service.usualInterface ?? chosen) : chosen;
    const override = Object.hasOwn(endpointOverrides, service.type) ? endpointOverrides[service.type] : undefined;
    if (override !== undefined) return override.replace(/\/+$/, '');
    const wanted = { type: service.type, interface: service.interface ?? usual, region };
    const { catalogue } = await this.#identity.token(signal);
    const found = catalogue.endpoint(wanted);
    if (found !== undefined && URL.canParse(found)) return found;
    const where = region === undefined ? '' : ` in the region ${region}`;
    throw new OpenStackError(
      'OPENSTACK_ENDPOINT',
      `the cloud has no ${wanted.interface} endpoint of the service ${service.type}${where}: ${catalogue.insteadOf(wanted)}`,
      { service: service.type },
    );
  }

  #url(service: Service, endpoint: string, path: string, query: ListRequest['query'] = {}): URL {
    const url = URL.canParse(path) ? new URL(path) : joinUrl(endpoint, path);
    if (url.origin !== new URL(endpoint).origin)
      throw new OpenStackError(
        'OPENSTACK_ENDPOINT',
        `${printable(url)} is not on the endpoint of the service ${service.type}, so no token is sent there`,
        { service: service.type },
      );
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  }

  /** Sends with a token, and once more with a new one if the service refuses it. */
  async #send(
    method: 'GET' | 'HEAD',
    service: Service,
    url: URL,
    signal: AbortSignal,
    { headers, key: listKey }: Partial<Pick<ListRequest, 'headers' | 'key'>> = {},
  ): Promise<Answer> {
    for (let again = false; ; again = true) {
      const token = await this.#identity.token(signal);
      const answer = await this.#transport.send(
        {
          service: service.type,
          method,
          url,
          listKey,
          headers: { ...headers, 'x-auth-token': token.secret.reveal() },
        },
        signal,
      );
      if (answer.status !== 401) return answer;
      const said = saidIn(answer, this.#redaction);
      this.#identity.forget(token);
      if (again) {
        throw new OpenStackError(
          'OPENSTACK_AUTH',
          `the service refuses a token that keystone has just given: check its section keystone_authtoken${said === '' ? '' : `: ${said}`}`,
          { context: answer.context },
        );
      }
    }
  }
}
