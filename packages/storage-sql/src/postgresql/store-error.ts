import { NephoscopeError, PermanentError, describeError, isNephoscopeError } from '@nephoscope/core';

import type { PostgresqlUrl } from './postgresql-url.js';

/**
 * PostgreSQL's SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html, also of a coded error's
 * cause.
 */
export function sqlState(error: unknown): string | undefined {
  if (isNephoscopeError(error)) return sqlState(error.cause);
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && severity !== undefined ? code : undefined;
}

/** Whether the server refuses a value: class 22, or a key that is too long for an index. */
export function isDataError(error: unknown): boolean {
  const state = sqlState(error) ?? '';
  return state.startsWith('22') || state === '54000';
}

/** Two transactions in conflict, of which the one that was aborted is repeated. */
export function isConflict(error: unknown): boolean {
  // 23514 (check violation): a partition was attached or detached after the row's one had been chosen.
  return ['40P01', '40001', '23514'].includes(sqlState(error) ?? '');
}

/**
 * The coded error of a failure. Only SAMPLE_INVALID is about a sample; every other error, known or not, is about the
 * store or the connection.
 */
export function storeError(cause: unknown, url: PostgresqlUrl): NephoscopeError {
  if (isNephoscopeError(cause) && /^(STORE|SAMPLE)_/.test(cause.code)) return cause;
  const state = sqlState(cause);
  const [code, text] = state === undefined ? ofConnection(cause, url) : ofServer(cause, state);
  const Kind = code === 'STORE_UNAVAILABLE' ? NephoscopeError : PermanentError;
  return new Kind(code, `${url.toString()}: ${text}`, { cause });
}

export type Failure = readonly [code: string, text: string];

/** A connection pooler in transaction mode: settings of a session are lost, or another session's. */
export const pooled: Failure = [
  'STORE_REFUSED',
  'a connection pooler stands before the server, and does not give a session of its own: name PostgreSQL itself in the URL, or have the pooler work by sessions (PgBouncer: pool_mode = session)',
];

/** By SQLSTATE, or by its class, the first two characters. */
const states: Readonly<Record<string, Failure>> = {
  '08': ['STORE_UNAVAILABLE', 'the server or a proxy before it ended the conversation'],
  '2200H': ['STORE_UNAVAILABLE', 'the sequence of ids is at its end: give it room with ALTER SEQUENCE'],
  '22': ['STORE_UNAVAILABLE', 'the database refuses what others take: look at its settings, encoding and columns'],
  '25006': [
    'STORE_UNAVAILABLE',
    'the database is read-only: it may be a standby, then name the primary; or default_transaction_read_only is set',
  ],
  '25P03': [
    'STORE_UNAVAILABLE',
    'the server ended a transaction that was idle: this program or the way is too slow',
  ],
  '28': ['STORE_REFUSED', 'PostgreSQL does not let this user in: wrong user or password, or pg_hba.conf says no'],
  '3D000': ['STORE_REFUSED', 'there is no such database: make it with createdb, or correct the URL'],
  '3F000': ['STORE_REFUSED', 'no schema of the search_path is there: correct it, or make the schema'],
  '42501': [
    'STORE_REFUSED',
    'the user lacks a permission: make it the owner of the database, and let no row-level security hide rows from it',
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
  const [code, text] = states[state] ?? states[state.slice(0, 2)] ?? ['STORE_UNAVAILABLE', 'the server failed'];
  return [code, `${text} (${describeError(error)})`];
}

/** Connection errors of node-postgres and Node; for a host with several addresses, that of the first one. */
function ofConnection(error: unknown, url: PostgresqlUrl): Failure {
  const { code, message = '', syscall } = (error ?? {}) as { code?: unknown; message?: string; syscall?: unknown };
  const told = describeError(error);
  if (message.startsWith('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password'))
    return ['STORE_REFUSED', 'a password is asked for: give it in the URL, in PGPASSWORD, or in ~/.pgpass'];
  if (/^Unknown authenticationOk message type|^SASL: Only mechanism/.test(message))
    return [
      'STORE_REFUSED',
      `the server asks for a way of logging in that this program does not have (${told}): let pg_hba.conf say scram-sha-256 or cert, not gss, sspi or oauth`,
    ];
  if (message.startsWith('SASL'))
    return ['STORE_UNAVAILABLE', `the log-in was answered wrongly (${told}): is it PostgreSQL?`];
  if (message.startsWith('received invalid response'))
    return ['STORE_UNAVAILABLE', `what answers there does not speak PostgreSQL's protocol (${told})`];
  if (message === 'The server does not support SSL connections')
    return [
      'STORE_TLS',
      "the server does not speak TLS: switch it on there, or say '?sslmode=disable' in the URL",
    ];
  if (message === 'There was an error establishing an SSL connection')
    return [
      'STORE_UNAVAILABLE',
      'the server could not begin with TLS: it has no process left for it, or it is no PostgreSQL',
    ];
  if (url.sslMode !== 'disable' && !isNephoscopeError(error) && isOfTls(code, syscall))
    return [
      'STORE_TLS',
      `no trusted TLS connection (${told}): check tls.caFile, tls.certFile, tls.keyFile and the name in the server's certificate`,
    ];
  switch (code) {
    case 'ECONNREFUSED':
    case 'ENOENT':
      if (syscall === 'open') break;
      return ['STORE_UNAVAILABLE', `connection refused: is PostgreSQL running there? (${told})`];
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
  return ['STORE_UNAVAILABLE', `the connection failed or was lost (${told})`];
}

/**
 * OpenSSL has many reasons to refuse a certificate, without a common form (INVALID_PURPOSE, PATH_LENGTH_EXCEEDED),
 * but they involve no system call. An error that names the connection is none of them: a handshake ended by the other
 * side has ECONNRESET.
 */
function isOfTls(code: unknown, syscall: unknown): boolean {
  if (typeof code !== 'string') return false;
  if (code === 'EPROTO' || /^ERR_(TLS|SSL|OSSL)/.test(code)) return true;
  return syscall === undefined && !/^E[A-Z]/.test(code) && /^[A-Z_0-9]+$/.test(code);
}
