import type { Scope } from '@nephoscope/core/sample-store';

/** What a caller may do, each including the ones before: read; post samples too; and do either for any project. */
export type Role = 'reader' | 'member' | 'admin';

/** The sender of a request. */
export interface Caller {
  /** How it was authenticated. `loopback`: not at all, because nothing is configured and only local clients can connect. */
  readonly kind: 'loopback' | 'keystone' | 'token' | 'oidc';
  /** For the audit log and limits: the id of the user or the name of the token, never a secret. Unique within its kind. */
  readonly name: string;
  readonly role: Role;
  /** What it may see. */
  readonly scope: Scope;
  /** From its token; null if the token has none. Samples that it posts belong to them by default. */
  readonly projectId: string | null;
  readonly userId: string | null;
}

/** The caller without authentication, which is possible on loopback only. */
export const loopbackCaller: Caller = {
  kind: 'loopback',
  name: 'loopback',
  role: 'admin',
  scope: 'all',
  projectId: null,
  userId: null,
};
