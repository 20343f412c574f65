import { createHmac, randomBytes } from 'node:crypto';

import { isNephoscopeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';
import type { Secret } from '@nephoscope/core/options';
import type { Session } from '@nephoscope/openstack';
import { z } from 'zod';

import { AccessDenied } from './access-denied.js';
import { BoundedCache } from './bounded-cache.js';
import type { Caller } from './caller.js';
import { unknownToken } from './presented-token.js';
import { callerOf } from './roles.js';
import type { Identity } from './roles.js';

/** The result of a check is used for this long, ms, so a revoked token is refused after this time at the latest. */
export const checkedFor = 10_000;
/** The time limit of one check, including retries, ms. */
const checkWithin = 5_000;
/** The maximum numbers of cached results, and of concurrent checks. */
const mostKnown = 10_000;
const mostUnknown = 1_000;
const mostAsked = 64;
/** ms between warnings. */
const warnEvery = 60_000;

const id = z.string().min(1).max(255);
/** Keystone's description of a token, API v3. */
const tokenSchema = z.object({
  user: z.object({ id }),
  project: z.object({ id }).optional(),
  domain: z.object({ id }).optional(),
  system: z.object({ all: z.literal(true) }).optional(),
  roles: z.array(z.object({ name: z.string() })).default([]),
  expires_at: z.string(),
});

/** Tokens of keystone; each is checked with keystone, and the result is cached briefly by the token's hash. */
export class KeystoneTokens {
  readonly #session: Pick<Session, 'validate'>;
  readonly #logger: Logger;
  readonly #now: () => number;
  /** Random for each process, so that the hashes are of no use elsewhere. */
  readonly #key = randomBytes(32);
  readonly #known: BoundedCache<Identity>;
  readonly #unknown: BoundedCache<true>;
  readonly #asked = new Map<string, Promise<Identity | undefined>>();
  #warned = -Infinity;

  /** @param now ms, monotonic; for tests */
  constructor({
    session,
    logger,
    now = () => performance.now(),
  }: {
    readonly session: Pick<Session, 'validate'>;
    readonly logger: Logger;
    readonly now?: (() => number) | undefined;
  }) {
    this.#session = session;
    this.#logger = logger;
    this.#now = now;
    this.#known = new BoundedCache(mostKnown, now);
    this.#unknown = new BoundedCache(mostUnknown, now);
  }

  /** @throws AccessDenied: 401, 403 because of its roles, 503 if keystone does not answer */
  async callerOf(token: Secret): Promise<Caller> {
    const key = createHmac('sha256', this.#key).update(token.reveal()).digest('base64');
    const known = this.#known.get(key);
    if (known !== undefined) return callerOf(known);
    if (this.#unknown.get(key) === true) throw unknownToken();
    const identity = await this.#ask(key, token);
    if (identity === undefined) throw unknownToken();
    return callerOf(identity);
  }

  async #ask(key: string, token: Secret): Promise<Identity | undefined> {
    let asked = this.#asked.get(key);
    if (asked === undefined) {
      if (this.#asked.size >= mostAsked) throw notNow('too many tokens are being checked', '1');
      asked = this.#check(key, token).finally(() => this.#asked.delete(key));
      this.#asked.set(key, asked);
    }
    return await asked;
  }

  async #check(key: string, token: Secret): Promise<Identity | undefined> {
    const began = this.#now();
    let found: z.output<typeof tokenSchema> | undefined;
    try {
      const token_ = await this.#session.validate(token, AbortSignal.timeout(checkWithin));
      found = token_ === undefined ? undefined : tokenSchema.parse(token_);
    } catch (error) {
      this.#warn(error);
      throw notNow('keystone does not check the token at the moment', '5', { cause: error });
    }
    if (found === undefined) {
      this.#unknown.set(key, true, began + checkedFor);
      return undefined;
    }
    const identity = identityOf(found);
    const left = Date.parse(found.expires_at) - Date.now();
    // If the clock is ahead of keystone's, the token is checked each time.
    this.#known.set(key, identity, began + Math.min(checkedFor, Number.isNaN(left) ? 0 : left));
    return identity;
  }

  #warn(error: unknown): void {
    const now = this.#now();
    if (now - this.#warned < warnEvery) return;
    this.#warned = now;
    const err = error instanceof z.ZodError ? new Error('keystone describes a token in another form') : error;
    const advice = isNephoscopeError(error, 'OPENSTACK_AUTH') ? ': check the section openstack' : '';
    this.#logger.warn({ err }, `tokens cannot be checked with keystone, requests are answered with 503${advice}`);
  }
}

function identityOf({ user, project, domain, system, roles }: z.output<typeof tokenSchema>): Identity {
  const on =
    project !== undefined
      ? { project: project.id }
      : system !== undefined
        ? 'system'
        : domain !== undefined
          ? 'domain'
          : 'nothing';
  return { kind: 'keystone', name: user.id, userId: user.id, roles: roles.map(({ name }) => name), on };
}

function notNow(message: string, retryAfter: string, options?: ErrorOptions): AccessDenied {
  return new AccessDenied(503, message, { 'retry-after': retryAfter }, options);
}
