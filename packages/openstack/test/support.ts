import { inspect } from 'node:util';

import { Secret } from '@nephoscope/core/options';

import { createSession } from '../src/index.js';
import type { CloudConfig, JsonObject, ListRequest, Session } from '../src/index.js';

import type { FakeCloud } from './fake-cloud.js';

export const password = 'pa$$wörd "quoted"';

export function configOf(cloud: Pick<FakeCloud, 'origin'>, changes: Partial<CloudConfig> = {}): CloudConfig {
  return {
    name: 'test',
    authUrl: `${cloud.origin('keystone')}/v3`,
    credentials: {
      type: 'password',
      user: { name: 'ceilometer', domain: { name: 'Default' } },
      password: new Secret(password),
    },
    scope: { type: 'project', project: { name: 'service', domain: { name: 'Default' } } },
    interface: 'public',
    region: undefined,
    endpointOverrides: {},
    tls: { ca: undefined, cert: undefined, key: undefined, verify: true },
    timeout: 20_000,
    ...changes,
  };
}

/** A session with its log and its pauses. */
export function sessionOf(config: CloudConfig, timeLimit?: number) {
  const logged: { readonly level: string; readonly fields: unknown; readonly message: string }[] = [];
  const pauses: number[] = [];
  const log = (level: string) => (fields: unknown, message: string) =>
    void logged.push({ level, fields, message });
  const session = createSession(config, {
    logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    timeLimit,
    sleep: (ms, signal) => {
      signal.throwIfAborted();
      pauses.push(ms);
      return Promise.resolve();
    },
  });
  return { session, logged, pauses };
}

export async function pagesOf(
  session: Session,
  list: ListRequest,
  signal = new AbortController().signal,
): Promise<readonly (readonly JsonObject[])[]> {
  const pages: (readonly JsonObject[])[] = [];
  for await (const page of session.list(list, signal)) pages.push(page);
  return pages;
}

/** The reason with which the promise is rejected. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

/** Every text that a logger could make of it. */
export function allOf(value: unknown): string {
  const own =
    value instanceof Error ? JSON.stringify(value, Object.getOwnPropertyNames(value)) : JSON.stringify(value);
  return `${own} ${String(value)} ${inspect(value, { depth: 20, showHidden: true })}`;
}
