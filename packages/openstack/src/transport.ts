import { setImmediate as tick } from 'node:timers/promises';

import { orAborted } from '@nephoscope/async';

import type { Answer } from './answer.js';
import { AnswerBody, HeldBytes } from './answer-body.js';
import { AnswerRefused } from './answer-limits.js';
import { notUnderstood } from './answers.js';
import type { CloudConfig } from './cloud-config.js';
import { sleep, within } from './deadline.js';
import { OpenStackError } from './errors.js';
import type { RequestContext } from './errors.js';
import { Http } from './http.js';
import type { Logger } from './logger.js';
import { askedFor, isForGood, messageOf, pauseAfter } from './retry.js';
import { printable } from './urls.js';

export interface OutgoingRequest {
  readonly service: string;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** The member of the answer with the items of a listing; '' if the answer itself is the list. */
  readonly listKey?: string | undefined;
}

/** Limit for a service's error text. */
const longestRefusal = 64 * 1024;
/** How long an unavailable service is retried, ms, unless the session sets another limit. */
const defaultTimeLimit = 10_000;
/** An outage longer than this, ms, is logged. */
const logAfter = 2_000;
const comesBack: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export interface TransportTools {
  readonly logger: Logger;
  /** Waits between tries, ms; rejects when the signal is aborted. For tests. */
  readonly sleep?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined;
  /** How long an unavailable or busy service is retried, ms; 10 s by default. A request's signal ends it earlier. */
  readonly timeLimit?: number | undefined;
}

/** Sends requests that may be sent twice, again and again while the service is not there or too busy. */
export class Transport {
  readonly #http: Http;
  readonly #timeout: number;
  readonly #timeLimit: number;
  readonly #logger: Logger;
  readonly #sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly #closed = new AbortController();
  readonly #held = new HeldBytes();
  /** Services whose outage was logged, and why. */
  readonly #away = new Map<string, string>();

  constructor(
    config: Pick<CloudConfig, 'tls' | 'timeout' | 'proxies'>,
    { logger, timeLimit = defaultTimeLimit, sleep: ownSleep = sleep }: TransportTools,
  ) {
    this.#http = new Http(config);
    this.#timeout = config.timeout;
    this.#timeLimit = timeLimit;
    this.#logger = logger;
    this.#sleep = ownSleep;
  }

  /**
   * The service's answer, whatever its status, except for those that request a retry.
   *
   * @throws OPENSTACK_UNAVAILABLE if none arrived within the time limit; OPENSTACK_ANSWER if it exceeds the limits or
   *   is not JSON; the signal's reason
   */
  async send(outgoing: OutgoingRequest, signal: AbortSignal): Promise<Answer> {
    const { service } = outgoing;
    const began = performance.now();
    let paused = 0;
    for (let attempt = 1; ; attempt += 1) {
      const tried = await this.#attempt(outgoing, signal).catch((error: unknown) => {
        for (const stop of [signal, this.#closed.signal]) stop.throwIfAborted();
        if (error instanceof OpenStackError) throw error;
        return error;
      });
      const answer = isAnswer(tried) ? tried : undefined;
      if (answer !== undefined && !comesBack.has(answer.status)) {
        if (this.#away.delete(service)) this.#logger.info({ service }, `the service ${service} answers again`);
        return answer;
      }

      const spent = Math.max(performance.now() - began, paused);
      const left = this.#timeLimit - spent;
      const headers = answer?.headers ?? {};
      const pause = pauseAfter(attempt, headers);
      const isTooLong = left <= 0 || (askedFor(headers) ?? 0) > left;
      if (isTooLong || (answer === undefined && isForGood(tried)))
        throw answer === undefined
          ? unreachable(this.#contextOf(outgoing), tried, attempt)
          : tooBusy(answer, attempt, pause, left);
      this.#logRetries(this.#contextOf(outgoing), tried, spent, attempt);
      const until = Math.min(pause, left);
      paused += until;
      await this.#pause(until, signal);
    }
  }

  /** The services that have not answered for seconds, and why, such as `image: status 503`. */
  away(): readonly string[] {
    return Array.from(this.#away, ([service, why]) => `${service === 'identity' ? 'keystone' : service}: ${why}`);
  }

  /** Ends all that is under way. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed.abort(new OpenStackError('OPENSTACK_UNAVAILABLE', 'the session is closed'));
    await this.#http.close();
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    await within(ms + 60_000, new Error('the pause did not end'), [this.#closed.signal, signal], (until) =>
      this.#sleep(ms, until).catch((error: unknown) => {
        until.throwIfAborted();
        throw error;
      }),
    );
  }

  #logRetries(context: RequestContext, tried: unknown, spent: number, attempt: number): void {
    const { service } = context;
    const why = isAnswer(tried) ? `status ${tried.status}` : messageOf(tried);
    if (spent < logAfter || this.#away.has(service)) {
      this.#logger.debug({ ...context, attempt }, `retrying soon: ${why}`);
      return;
    }
    this.#away.set(service, why);
    const timeLimit = Math.round(this.#timeLimit / 1_000);
    const through = context.proxy === undefined ? '' : `, through the proxy ${context.proxy}`;
    this.#logger.warn(
      { ...context, attempt, ...(isAnswer(tried) ? {} : { err: tried }) },
      `the service ${service} does not answer at ${context.url}${through} (${why}); retrying with growing pauses for up to ${timeLimit} s`,
    );
  }

  #contextOf({ service, method, url }: OutgoingRequest): RequestContext {
    const proxy = this.#http.proxyFor(url);
    return {
      ...{ service, method, url: printable(url) },
      ...(proxy !== undefined && { proxy: printable(proxy).replace(/\/$/, '') }),
    };
  }

  #attempt(outgoing: OutgoingRequest, signal: AbortSignal): Promise<Answer> {
    const context = this.#contextOf(outgoing);
    const late = new Error(`no whole answer within ${this.#timeout / 1_000} s`);
    return within(this.#timeout, late, [this.#closed.signal, signal], async (inTime) => {
      try {
        const asked = this.#http.request(outgoing.url, {
          method: outgoing.method,
          headers: { accept: 'application/json', 'user-agent': 'nephoscope', ...outgoing.headers },
          body: outgoing.body ?? null,
          signal: inTime,
        });
        // A proxy that does not answer holds the request itself, whatever its signal.
        const { statusCode, headers, body } = await orAborted(asked, inTime);
        const names = Object.fromEntries(
          Object.entries(headers).flatMap(([name, value]) =>
            value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value]],
          ),
        );
        const answered: RequestContext = {
          ...context,
          status: statusCode,
          requestId: requestIdIn(names),
        };
        const read = await this.#read(body, names, outgoing, answered);
        return { status: statusCode, headers: names, body: read, context: answered };
      } catch (error) {
        inTime.throwIfAborted();
        throw error;
      }
    });
  }

  async #read(
    chunks: AsyncIterable<Uint8Array>,
    headers: Answer['headers'],
    { listKey }: OutgoingRequest,
    context: RequestContext,
  ): Promise<AnswerBody> {
    const isRefusal = (context.status ?? 0) >= 300;
    const body = new AnswerBody(this.#held, isRefusal ? undefined : listKey);
    try {
      // Leaving the loop destroys the connection.
      for await (const chunk of chunks) {
        body.append(chunk);
        if (isRefusal && body.size > longestRefusal) break;
        await tick();
      }
      return body;
    } catch (error) {
      body.release();
      if (!(error instanceof AnswerRefused)) throw error;
      // The text of a failure is less important than the failure.
      if (isRefusal) return new AnswerBody(this.#held);
      throw notUnderstood(error, headers, context);
    }
  }
}

function requestIdIn(headers: Answer['headers']): string | undefined {
  const id = headers['x-openstack-request-id'] ?? headers['x-compute-request-id'] ?? headers['x-trans-id'];
  return id?.slice(0, 100);
}

function isAnswer(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && 'context' in value && 'body' in value;
}

function unreachable(context: RequestContext, cause: unknown, attempt: number): OpenStackError {
  const what = isForGood(cause)
    ? "the service's certificate is not trusted: give the one that signed it as cacert"
    : `no answer in ${attempt} ${attempt === 1 ? 'try' : 'tries'}`;
  return new OpenStackError('OPENSTACK_UNAVAILABLE', `${what}: ${messageOf(cause)}`, { context, cause });
}

function tooBusy({ context }: Answer, attempt: number, pause: number, left: number): OpenStackError {
  const what =
    pause > left && left > 0
      ? `the service asks not to come again before ${Math.ceil(pause / 1_000)} s`
      : `the service is still too busy or away after ${attempt} ${attempt === 1 ? 'try' : 'tries'}`;
  return new OpenStackError('OPENSTACK_UNAVAILABLE', what, { context });
}
