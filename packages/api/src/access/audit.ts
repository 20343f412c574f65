import { appendFile } from 'node:fs/promises';

import type { Logger } from '@nephoscope/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import type { Caller } from './caller.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Items in the reply, as far as it was sent, where a route counts them. For the audit log. */
    rows: number | undefined;
  }
}

/** Who read what: a line of the audit log. */
export interface AuditEntry {
  /** ISO 8601 UTC. */
  readonly time: string;
  /** Undefined where nobody was let in, or nobody need be. */
  readonly caller?: Pick<Caller, 'kind' | 'name' | 'role' | 'scope'>;
  readonly from: string;
  readonly method: string;
  /** As it was declared, such as `/v2/samples/:id`; undefined where there is none. */
  readonly route?: string | undefined;
  /** Path and query as they were asked for, without secrets. */
  readonly url: string;
  readonly status: number;
  /** False where the client went away or the reply was broken off. */
  readonly complete: boolean;
  /** Of a complex query, the body: that is the question. */
  readonly query?: string | undefined;
  readonly rows?: number | undefined;
  /** Of the reply, as they were sent. */
  readonly bytes: number;
  readonly ms: number;
}

export type Audit = (entry: AuditEntry) => void;

/** Characters of an address that are kept. */
const longestUrl = 2_000;
/** Bytes of lines that wait for the disk; more are lost, and that is logged. */
const mostWaiting = 4 * 2 ** 20;

/** Tells of each request when its reply has ended, whether it was answered or refused. */
export function auditRequests(server: FastifyInstance, audit: Audit = () => undefined): void {
  server.decorateRequest('rows', undefined);
  server.addHook('onRequest', (request, reply, done) => {
    const began = performance.now();
    const time = new Date().toISOString();
    const { socket } = request.raw;
    const before = socket.bytesWritten;
    reply.raw.once('close', () => {
      const ms = Math.round((performance.now() - began) * 10) / 10;
      audit({ time, ...entryOf(request, reply), bytes: socket.bytesWritten - before, ms });
    });
    done();
  });
}

function entryOf(request: FastifyRequest, reply: FastifyReply): Omit<AuditEntry, 'time' | 'bytes' | 'ms'> {
  return {
    ...callerIn(request),
    from: request.ip,
    method: request.method,
    route: request.routeOptions.url,
    url: withoutTokens(request.url).slice(0, longestUrl),
    status: reply.raw.statusCode,
    complete: reply.raw.writableFinished,
    query: queryIn(request),
    rows: request.rows,
  };
}

function callerIn({ callerIfKnown }: FastifyRequest): Pick<AuditEntry, 'caller'> {
  if (callerIfKnown === undefined) return {};
  const { kind, name, role, scope } = callerIfKnown;
  return { caller: { kind, name, role, scope } };
}

function queryIn({ body, routeOptions: { url = '' } }: FastifyRequest): string | undefined {
  const { text } = (body ?? {}) as { readonly text?: unknown };
  if (typeof text !== 'string' || !url.startsWith('/v2/query/')) return undefined;
  return text.slice(0, longestUrl).replace(tokenForms, '[secret]');
}

const secretNames = /([?&;][^=&;]*(?:token|secret|passw|authorization|key|credential|signature)[^=&;]*=)[^&;]*/gi;
/** A token of ours, a JWT, or one of keystone. */
const tokenForms = /nephoscope_[\w%-]+|eyJ[\w%-]{8,}\.[\w%.-]+|gAAAA[\w%-]{20,}(?:=|%3D)*/gi;

/** Of an address: what somebody sent by mistake where it does not belong. */
export function withoutTokens(url: string): string {
  return url.replace(secretNames, '$1[secret]').replace(tokenForms, '[secret]');
}

/** Into the program's log. */
export function auditToLog(logger: Logger): Audit {
  return (entry) => logger.info({ ...entry }, 'audit');
}

/**
 * Into a file that others cannot read, which is opened anew for each batch, so that it may be moved away. What cannot be written is lost
 * and logged: requests do not wait for the disk.
 */
export class AuditFile {
  readonly #path: string;
  readonly #logger: Logger;
  #waiting = '';
  #lost = 0;
  #writing: Promise<void> | undefined;

  constructor(path: string, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
  }

  readonly add: Audit = (entry) => {
    if (this.#waiting.length > mostWaiting) {
      this.#lost += 1;
      return;
    }
    this.#waiting += `${JSON.stringify(entry)}\n`;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  };

  /** When all lines are written or lost. */
  async stop(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #write(): Promise<void> {
    // Lines of requests that end together are one write.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting !== '') {
      const lines = this.#waiting;
      this.#waiting = '';
      try {
        await appendFile(this.#path, lines, { mode: 0o600 });
      } catch (err) {
        this.#lost += lines.split('\n').length - 1;
        this.#logger.error({ err }, `the audit log cannot be written to ${this.#path}`);
      }
      if (this.#lost > 0) this.#logger.error({ lost: this.#lost }, 'lines of the audit log are lost');
      this.#lost = 0;
    }
  }
}
