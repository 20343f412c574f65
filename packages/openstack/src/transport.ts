import { setTimeout as wait } from 'node:timers/promises';

import type { Agent, request } from 'undici';

import type { CloudConfig } from './cloud-config.js';
import { within } from './deadline.js';
import { OpenStackError } from './errors.js';
import type { RequestContext } from './errors.js';
import { printable } from './urls.js';

type Log = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** Structured logging; pino's loggers are such. */
export interface Logger {
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
}

export interface OutgoingRequest {
  readonly service: string;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly context: RequestContext;
}

/** No page of any service comes near it. */
const maxAnswerBytes = 64 * 1024 * 1024;
const tries = 4;
/** Before the second try, ms; each wait is twice the one before. */
const firstWait = 250;
/** A service that asks for more, ms, is left alone until the next cycle. */
const longestWait = 60_000;
const comesBack: ReadonlySet<number> = new Set([429, 502, 503, 504]);

const utf8 = new TextDecoder('utf-8', { fatal: true });

interface Http {
  readonly request: typeof request;
  readonly agent: Agent;
}

/** Sends requests that may be sent twice, again and again while the service is not there or too busy. */
export class Transport {
  readonly #tls: CloudConfig['tls'];
  #http: Promise<Http> | undefined;
  readonly #timeout: number;
  readonly #logger: Logger;
  readonly #sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly #closed = new AbortController();

  constructor(
    { tls, timeout }: Pick<CloudConfig, 'tls' | 'timeout'>,
    logger: Logger,
    sleep: (ms: number, signal: AbortSignal) => Promise<void> = (ms, signal) => wait(ms, undefined, { signal }),
  ) {
    this.#timeout = timeout;
    this.#logger = logger;
    this.#sleep = sleep;
    this.#tls = tls;
  }

  /** Loaded with the first request: undici compiles WebAssembly, which costs who never asks a service tens of MiB. */
  #open(): Promise<Http> {
    const { ca, cert, key, verify } = this.#tls;
    return (this.#http ??= import('undici').then((undici) => ({
      request: undici.request,
      agent: new undici.Agent({
        connect: {
          rejectUnauthorized: verify,
          timeout: this.#timeout,
          ...(ca === undefined ? {} : { ca }),
          ...(cert === undefined ? {} : { cert }),
          ...(key === undefined ? {} : { key }),
        },
        // The deadline of each request covers these.
        headersTimeout: 0,
        bodyTimeout: 0,
      }),
    })));
  }

  /**
   * The service's answer, whatever its status, but for those that ask to come again.
   *
   * @throws OPENSTACK_UNAVAILABLE when none came, in time or after some tries; OPENSTACK_ANSWER for one that is too
   * large or no text; the signal's reason
   */
  async send(outgoing: OutgoingRequest, signal: AbortSignal): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      const tried = await this.#attempt(outgoing, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        if (error instanceof OpenStackError) throw error;
        return error;
      });
      const answer = isAnswer(tried) ? tried : undefined;
      if (answer !== undefined && !comesBack.has(answer.status)) return answer;

      const pause = pauseAfter(attempt, answer?.headers['retry-after']);
      if (attempt === tries || pause > longestWait || (answer === undefined && isForGood(tried)))
        throw answer === undefined ? unreachable(outgoing, tried, attempt) : tooBusy(answer, attempt, pause);
      this.#logger.debug(
        { ...(answer?.context ?? contextOf(outgoing)), ...(answer === undefined ? { err: tried } : {}), attempt },
        `asked again in ${Math.round(pause)} ms`,
      );
      await this.#pause(pause, signal);
    }
  }

  /** Ends all that is under way. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed.abort(new OpenStackError('OPENSTACK_UNAVAILABLE', 'the session is closed'));
    const http = await this.#http;
    if (http?.agent.destroyed === false) await http.agent.destroy();
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    await within(2 * longestWait, new Error('the pause did not end'), [this.#closed.signal, signal], (until) =>
      this.#sleep(ms, until).catch((error: unknown) => {
        until.throwIfAborted();
        throw error;
      }),
    );
  }

  #attempt(outgoing: OutgoingRequest, signal: AbortSignal): Promise<Answer> {
    const context = contextOf(outgoing);
    const late = new OpenStackError('OPENSTACK_UNAVAILABLE', `no whole answer within ${this.#timeout / 1_000} s`, {
      context,
    });
    return within(this.#timeout, late, [this.#closed.signal, signal], async (inTime) => {
      try {
        const http = await this.#open();
        const { statusCode, headers, body } = await http.request(outgoing.url, {
          method: outgoing.method,
          headers: { accept: 'application/json', 'user-agent': 'nephoscope', ...outgoing.headers },
          body: outgoing.body ?? null,
          signal: inTime,
          dispatcher: http.agent,
        });
        const names = Object.fromEntries(
          Object.entries(headers).flatMap(([name, value]) =>
            value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value]],
          ),
        );
        const answered: RequestContext = {
          ...context,
          status: statusCode,
          requestId: names['x-openstack-request-id'] ?? names['x-compute-request-id'] ?? names['x-trans-id'],
        };
        return { status: statusCode, headers: names, body: await textOf(body, answered), context: answered };
      } catch (error) {
        inTime.throwIfAborted();
        throw error;
      }
    });
  }
}

async function textOf(body: AsyncIterable<Uint8Array>, context: RequestContext): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop destroys the connection.
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxAnswerBytes)
      throw new OpenStackError(
        'OPENSTACK_ANSWER',
        `the answer is larger than ${maxAnswerBytes / 1024 / 1024} MiB`,
        {
          context,
        },
      );
    chunks.push(chunk);
  }
  try {
    return utf8.decode(Buffer.concat(chunks));
  } catch {
    throw new OpenStackError('OPENSTACK_ANSWER', 'the answer is no UTF-8 text', { context });
  }
}

function contextOf({ service, method, url }: OutgoingRequest): RequestContext {
  return { service, method, url: printable(url) };
}

function isAnswer(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && 'context' in value && 'body' in value;
}

/** ms. What the service asks for; otherwise ever longer, and not the same for all that were turned away together. */
function pauseAfter(attempt: number, retryAfter: string | undefined): number {
  if (retryAfter !== undefined) {
    if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1_000;
    const until = Date.parse(retryAfter);
    if (!Number.isNaN(until)) return Math.max(0, until - Date.now());
  }
  return firstWait * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
}

/** Certificates do not become right by asking again. */
function isForGood(error: unknown): boolean {
  return /CERT|ERR_TLS|SIGNATURE|ISSUER/.test(codeOf(error));
}

function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

function unreachable(outgoing: OutgoingRequest, cause: unknown, attempt: number): OpenStackError {
  const what = isForGood(cause)
    ? "the service's certificate is not trusted: give the one that signed it as cacert"
    : `no answer in ${attempt} ${attempt === 1 ? 'try' : 'tries'}`;
  return new OpenStackError('OPENSTACK_UNAVAILABLE', `${what}: ${messageOf(cause)}`, {
    context: contextOf(outgoing),
    cause,
  });
}

/** A refused connection to a name with several addresses has no message but those of each. */
function messageOf(error: unknown): string {
  return (error instanceof Error && error.message) || codeOf(error) || String(error);
}

function tooBusy({ context }: Answer, attempt: number, pause: number): OpenStackError {
  const what =
    pause > longestWait
      ? `the service asks not to come again before ${Math.ceil(pause / 1_000)} s`
      : `the service is still too busy or away after ${attempt} tries`;
  return new OpenStackError('OPENSTACK_UNAVAILABLE', what, { context });
}
