import { NephoscopeError, describeError, isNephoscopeError } from '@nephoscope/core';

import type { PostgresqlUrl } from './postgresql-url.js';

/** What PostgreSQL calls SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html. */
export function sqlState(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && severity !== undefined ? code : undefined;
}

/** Two that stood in each other's way: the one that was broken off does it again. */
export function isConflict(error: unknown): boolean {
  return ['40P01', '40001'].includes(sqlState(error) ?? '');
}

/** The coded error of what the server or the way to it refused; undefined when the failure is neither's. */
export function storeError(cause: unknown, url: PostgresqlUrl): NephoscopeError | undefined {
  if (isNephoscopeError(cause)) return /^(STORE|SAMPLE)_/.test(cause.code) ? cause : undefined;
  const state = sqlState(cause);
  const [code, text] = (state === undefined ? ofConnection(cause, url) : ofServer(cause, state)) ?? [];
  if (code === undefined) return undefined;
  return new NephoscopeError(code, `${url.toString()}: ${text}`, { cause });
}

type Failure = readonly [code: string, text: string];

/** By the state, or by its first two characters, its class. */
const states: Readonly<Record<string, Failure>> = {
  '22': ['SAMPLE_INVALID', 'a value of a sample cannot be stored'],
  '54000': ['SAMPLE_INVALID', 'a value of a sample is too long to be stored'],
  '28': ['STORE_REFUSED', 'PostgreSQL does not let this user in: wrong user or password, or pg_hba.conf says no'],
  '3D000': ['STORE_REFUSED', 'there is no such database: make it with createdb, or correct the URL'],
  '42501': ['STORE_REFUSED', 'the user lacks a permission: make it the owner of the database'],
  '25006': [
    'STORE_UNAVAILABLE',
    'the database is read-only: it may be a standby, then name the primary; or default_transaction_read_only is set',
  ],
  '53100': [
    'STORE_UNAVAILABLE',
    "the server's disk is full: free space there; what was not recorded can be offered again",
  ],
  '53300': ['STORE_UNAVAILABLE', 'the server has no connection left: raise max_connections, or end other clients'],
  '53': ['STORE_UNAVAILABLE', 'the server lacks resources'],
  '57014': ['STORE_UNAVAILABLE', 'the server took too long: it is overloaded, or another program holds a lock'],
  '57': ['STORE_UNAVAILABLE', 'the server is shutting down or starting'],
  '55P03': ['STORE_UNAVAILABLE', 'another program holds a lock for too long: see pg_locks and pg_stat_activity'],
  '40': ['STORE_UNAVAILABLE', 'the transaction was broken off again and again by others'],
  '42P01': ['STORE_INVALID', 'a table is missing: was the database changed by hand? Restore it from a backup'],
  '42703': ['STORE_INVALID', 'a column is missing: was the database changed by hand? Restore it from a backup'],
  XX001: ['STORE_INVALID', 'the database is damaged: restore it from a backup'],
  XX002: ['STORE_INVALID', 'an index is damaged: rebuild it with REINDEX'],
};

function ofServer(error: unknown, state: string): Failure {
  const [code, text] = states[state] ?? states[state.slice(0, 2)] ?? ['STORE_UNAVAILABLE', 'failed'];
  return [code, `${text} (${describeError(error)})`];
}

function ofConnection(error: unknown, url: PostgresqlUrl): Failure | undefined {
  const { code, message = '' } = (error ?? {}) as { code?: unknown; message?: string };
  if (message.startsWith('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password'))
    return ['STORE_REFUSED', 'a password is asked for: give it in the URL, in PGPASSWORD, or in ~/.pgpass'];
  if (message === 'The server does not support SSL connections')
    return [
      'STORE_TLS',
      "the server does not speak TLS: switch it on there, or say '?sslmode=disable' in the URL",
    ];
  if (
    url.sslMode !== 'disable' &&
    /CERT|SELF_SIGNED|SIGNATURE|ISSUER|ERR_TLS|ERR_SSL|ERR_OSSL|EPROTO/.test(String(code))
  )
    return [
      'STORE_TLS',
      `no trusted TLS connection (${message}): check tls.caFile, tls.certFile, tls.keyFile and the name in the server's certificate`,
    ];
  const { syscall } = error as { syscall?: unknown };
  switch (code) {
    case 'ECONNREFUSED':
    case 'ENOENT':
      return syscall === 'open'
        ? undefined
        : ['STORE_UNAVAILABLE', 'connection refused: is PostgreSQL running there?'];
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return ['STORE_UNAVAILABLE', `the host name '${url.host}' cannot be resolved`];
    default:
  }
  if (message.includes('timeout expired'))
    return [
      'STORE_UNAVAILABLE',
      'no answer to the log-in: is it PostgreSQL, not frozen, and no firewall between?',
    ];
  if (syscall !== undefined || message.startsWith('Connection terminated') || message.includes('not queryable'))
    return ['STORE_UNAVAILABLE', `the connection was lost (${message})`];
  return undefined;
}
