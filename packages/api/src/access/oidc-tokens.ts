import type { Logger } from '@nephoscope/core';
import type { Secret } from '@nephoscope/core/options';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { z } from 'zod';

import { AccessDenied } from './access-denied.js';
import type { Caller } from './caller.js';
import type { OidcOptions } from './options.js';
import { unknownToken } from './presented-token.js';
import { callerOf } from './roles.js';

const jose = () => import('jose');

/** Asymmetric signatures only: with a shared key, everybody who can verify tokens could also issue them. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
/** Permitted difference between clocks, s. */
const clockTolerance = 30;
/** Codes of errors that do not depend on the token. */
const ofKeys = ['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'];
const within = 5_000;
const warnEvery = 60_000;

const idSchema = z.string().min(1).max(255);
const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });

/** Tokens of an OpenID Connect issuer: JWTs, verified with its keys. These are fetched when first needed, and for an unknown key id. */
export class OidcTokens {
  readonly #options: OidcOptions;
  readonly #logger: Logger;
  #keys: JWTVerifyGetKey | undefined;
  #warned = -Infinity;

  constructor(options: OidcOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  /** @throws AccessDenied: 401, 403 because of its roles, 503 if the issuer's keys are not available */
  async callerOf(token: Secret): Promise<Caller> {
    const { issuer, audience, projectClaim, rolesClaim } = this.#options;
    const claims = await this.#verified(token, { issuer, audience });
    const subject = idSchema.safeParse(claims.sub);
    if (!subject.success) throw unknownToken({ cause: subject.error });
    const userId = subject.data;
    const project = idSchema.safeParse(claimOf(claims, projectClaim));
    const roles = rolesOf(claimOf(claims, rolesClaim));
    // An issuer has no system scope: an administrator without a project has access to all projects.
    const on = project.success ? { project: project.data } : roles.includes('admin') ? 'system' : 'nothing';
    return callerOf({ kind: 'oidc', name: userId, userId, roles, on });
  }

  async #verified(token: Secret, expected: Pick<OidcOptions, 'issuer' | 'audience'>): Promise<JWTPayload> {
    const { errors, jwtVerify } = await jose();
    try {
      const keys = (this.#keys ??= await this.#discover());
      const { payload } = await jwtVerify(token.reveal(), keys, {
        ...expected,
        algorithms,
        clockTolerance,
        requiredClaims: ['exp', 'sub'],
      });
      return payload;
    } catch (error) {
      const isOfKeys = error instanceof errors.JOSEError && ofKeys.includes(error.code);
      const isOfToken = error instanceof errors.JOSEError && !isOfKeys;
      if (isOfToken) throw unknownToken({ cause: error });
      this.#warn(error);
      throw new AccessDenied(
        503,
        "the issuer's keys cannot be had at the moment",
        { 'retry-after': '5' },
        { cause: error },
      );
    }
  }

  async #discover(): Promise<JWTVerifyGetKey> {
    const { createRemoteJWKSet } = await jose();
    const { issuer } = this.#options;
    const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
      redirect: 'error',
      signal: AbortSignal.timeout(within),
    });
    if (!response.ok) throw new Error(`the issuer answers with status ${response.status}`);
    const found = discoverySchema.parse(await response.json());
    if (found.issuer !== issuer) throw new Error(`the issuer names itself ${found.issuer.slice(0, 200)}`);
    return createRemoteJWKSet(new URL(found.jwks_uri), { timeoutDuration: within });
  }

  #warn(err: unknown): void {
    const now = performance.now();
    if (now - this.#warned < warnEvery) return;
    this.#warned = now;
    this.#logger.warn(
      { err },
      `tokens of ${this.#options.issuer} cannot be checked, requests are answered with 503`,
    );
  }
}

/** The value of a claim with this name, or at this path of objects. */
function claimOf(claims: unknown, name: string): unknown {
  if (typeof claims !== 'object' || claims === null) return undefined;
  const members = claims as Readonly<Record<string, unknown>>;
  if (Object.hasOwn(members, name)) return members[name];
  const dot = name.indexOf('.');
  const outer = name.slice(0, dot);
  return dot < 0 || !Object.hasOwn(members, outer) ? undefined : claimOf(members[outer], name.slice(dot + 1));
}

function rolesOf(claim: unknown): readonly string[] {
  if (typeof claim === 'string') return claim.split(/[\s,]+/);
  return Array.isArray(claim) ? claim.filter((one) => typeof one === 'string') : [];
}
