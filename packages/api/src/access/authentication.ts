import type { Logger } from '@nephoscope/core';
import type { Secret } from '@nephoscope/core/options';
import type { Session } from '@nephoscope/openstack';

import { AccessDenied } from './access-denied.js';
import { loopbackCaller } from './caller.js';
import type { Caller } from './caller.js';
import { KeystoneTokens } from './keystone-tokens.js';
import { OidcTokens } from './oidc-tokens.js';
import { isAuthenticated } from './options.js';
import type { AccessOptions } from './options.js';
import { presentedToken, unknownToken } from './presented-token.js';
import type { Authenticate } from './request-caller.js';
import { TokenStore, isOwnToken } from './token-store.js';

/**
 * How requests are authenticated. If nothing is configured everybody is an administrator, which the options permit on loopback only.
 *
 * @param session with keystone; required if its tokens are accepted
 */
export function createAuthentication({
  access,
  session,
  logger,
}: {
  readonly access: AccessOptions;
  readonly session: Pick<Session, 'validate'> | undefined;
  readonly logger: Logger;
}): Authenticate {
  if (!isAuthenticated(access)) return () => loopbackCaller;
  if (access.keystone && session === undefined) throw new Error('tokens of keystone need a session with it');
  const keystone = access.keystone && session !== undefined ? new KeystoneTokens({ session, logger }) : undefined;
  const store = access.directory === undefined ? undefined : new TokenStore(access.directory);
  const oidc = access.oidc === undefined ? undefined : new OidcTokens(access.oidc, logger);
  return async ({ headers }) => {
    const { header, secret } = presentedToken(headers);
    // Ceilometer's clients send every token in X-Auth-Token.
    if (store !== undefined && isOwnToken(secret)) return await callerOfOwn(store, secret, logger);
    if (header === 'x-auth-token' && keystone !== undefined) return await keystone.callerOf(secret);
    if (header === 'authorization' && oidc !== undefined) return await oidc.callerOf(secret);
    throw unknownToken();
  };
}

async function callerOfOwn(store: TokenStore, secret: Secret, logger: Logger): Promise<Caller> {
  const found = await store.find(secret).catch((error: unknown) => {
    logger.error({ err: error }, 'a token cannot be checked');
    throw new AccessDenied(
      503,
      'the token cannot be checked at the moment',
      { 'retry-after': '5' },
      { cause: error },
    );
  });
  if (found === undefined) throw unknownToken();
  const { name, role, scope } = found;
  const projectId = scope === 'all' ? null : scope.project;
  return { kind: 'token', name, role, scope, projectId, userId: null };
}
