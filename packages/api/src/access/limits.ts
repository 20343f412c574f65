import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

import { AccessDenied } from './access-denied.js';
import type { Caller } from './caller.js';

/** The part `limits` of the section `api`. */
export const limitsOptions = z.strictObject({
  requestsPerMinute: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(3_000)
    .describe('Requests of one caller in a minute, which may come at once; more get 429 with `Retry-After`.'),
  concurrent: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(50)
    .describe('Requests of one caller that are answered at the same time; more get 429.'),
});

export type LimitsOptions = z.output<typeof limitsOptions>;

/** So many callers are remembered. Who is forgotten starts anew, which none does who asks now. */
const mostCallers = 10_000;

interface Account {
  /** Requests that may come at once, and when that was so. */
  left: number;
  at: number;
  running: number;
}

/** How often and how much at once each caller may ask: a bucket of requests that fills in a minute. */
export class Limits {
  readonly #options: LimitsOptions;
  readonly #now: () => number;
  readonly #accounts = new Map<string, Account>();

  /** @param now ms, monotonic; for tests */
  constructor(options: LimitsOptions, now: () => number = () => performance.now()) {
    this.#options = options;
    this.#now = now;
  }

  get size(): number {
    return this.#accounts.size;
  }

  /**
   * Counts a request that begins.
   *
   * @returns to be called once, when it has ended
   * @throws AccessDenied 429
   */
  begin({ kind, name }: Pick<Caller, 'kind' | 'name'>): () => void {
    const { requestsPerMinute, concurrent } = this.#options;
    const account = this.#accountOf(`${kind} ${name}`);
    const perMs = requestsPerMinute / 60_000;
    const now = this.#now();
    account.left = Math.min(requestsPerMinute, account.left + (now - account.at) * perMs);
    account.at = now;
    if (account.left < 1) throw tooMany('too many requests', Math.ceil((1 - account.left) / perMs / 1_000));
    if (account.running >= concurrent) throw tooMany('too many requests at the same time', 1);
    account.left -= 1;
    account.running += 1;
    return () => {
      account.running -= 1;
    };
  }

  #accountOf(key: string): Account {
    const found = this.#accounts.get(key);
    const account = found ?? { left: this.#options.requestsPerMinute, at: this.#now(), running: 0 };
    this.#accounts.delete(key);
    this.#accounts.set(key, account);
    if (this.#accounts.size > mostCallers)
      for (const [other, { running }] of this.#accounts)
        if (running === 0 && other !== key) {
          this.#accounts.delete(other);
          break;
        }
    return account;
  }
}

/** Limits every caller but the one on loopback, who is the operator. */
export function limitCallers(server: FastifyInstance, limits: Limits): void {
  server.addHook('onRequest', (request, reply, done) => {
    const { callerIfKnown: caller } = request;
    if (caller === undefined || caller.kind === 'loopback') return done();
    let ended: () => void;
    try {
      ended = limits.begin(caller);
    } catch (error) {
      return done(error as AccessDenied);
    }
    // It may have gone away while its token was checked.
    if (reply.raw.closed) ended();
    else reply.raw.once('close', ended);
    return done();
  });
}

function tooMany(message: string, seconds: number): AccessDenied {
  return new AccessDenied(429, message, { 'retry-after': String(Math.max(1, seconds)) });
}
