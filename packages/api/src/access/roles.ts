import { AccessDenied } from './access-denied.js';
import type { Caller, Role } from './caller.js';

/** What the issuer of a token states about its owner. */
export interface Identity {
  readonly kind: 'keystone' | 'oidc';
  readonly name: string;
  readonly userId: string | null;
  readonly roles: readonly string[];
  /** Where the roles are valid. */
  readonly on: { readonly project: string } | 'system' | 'domain' | 'nothing';
}

/** OpenStack's roles, the strongest first; `_member_` is the member role of old installations. */
const known: readonly (readonly [string, Role])[] = [
  ['admin', 'admin'],
  ['member', 'member'],
  ['_member_', 'member'],
  ['reader', 'reader'],
];

/**
 * An administrator sees everything, as in Ceilometer, and so does anybody with a role on the system; others see the project of their token.
 *
 * @throws AccessDenied 403 if nothing is permitted
 */
export function callerOf({ kind, name, userId, roles, on }: Identity): Caller {
  const names = roles.map((role) => role.trim().toLowerCase());
  const role = known.find(([one]) => names.includes(one))?.[1];
  if (role === undefined) throw denied('one of the roles reader, member and admin is needed');
  if (on === 'domain')
    throw denied('a token of a domain sees nothing: ask with one of a project or of the system');
  if (on === 'nothing') throw denied('a token without a project sees nothing: ask with one of a project');
  const projectId = on === 'system' ? null : on.project;
  const seesAll = on === 'system' || role === 'admin';
  return { kind, name, role, scope: seesAll ? 'all' : { project: on.project }, projectId, userId };
}

function denied(reason: string): AccessDenied {
  return new AccessDenied(403, reason);
}
