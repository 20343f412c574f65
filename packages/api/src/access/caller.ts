import type { Scope } from '@nephoscope/core/sample-store';

/** What a caller may do, each more than the one before: read, post samples too, and see or do so for any project. */
export type Role = 'reader' | 'member' | 'admin';

/** Who sent a request. */
export interface Caller {
  /** How it was recognised. `loopback`: not at all, as nothing is configured and only this machine can ask. */
  readonly kind: 'loopback' | 'keystone' | 'token' | 'oidc';
  /** For the audit log and limits: the id of the user or the name of the token, never a secret. Unique within its kind. */
  readonly name: string;
  readonly role: Role;
  /** What it may see. */
  readonly scope: Scope;
  /** Of its token; null where that has none. Samples that it posts are its own by default. */
  readonly projectId: string | null;
  readonly userId: string | null;
}

/** Who asks where nobody is authenticated, which is only on loopback. */
export const loopbackCaller: Caller = {
  kind: 'loopback',
  name: 'loopback',
  role: 'admin',
  scope: 'all',
  projectId: null,
  userId: null,
};
