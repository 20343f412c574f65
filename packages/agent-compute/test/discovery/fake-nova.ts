import { readFileSync } from 'node:fs';

import type { JsonObject, ListRequest, Session } from '@nephoscope/openstack';

const recorded = (name: string, key: string) => {
  const text = readFileSync(new URL(`captures/nova.${name}.json`, import.meta.url), 'utf8');
  const { response } = JSON.parse(text) as { response: { body: string } };
  return (JSON.parse(response.body) as Record<string, readonly JsonObject[]>)[key] ?? [];
};

export const serversOfHost = recorded('servers.detail.by-host.microversion-2.1', 'servers');
export const changesSince = recorded('servers.detail.changes-since', 'servers');
export const flavors = recorded('flavors.detail.all', 'flavors');

/** The recorded server with that name, with changes. */
export function server(name: string, changes: Record<string, unknown> = {}): JsonObject {
  const found = serversOfHost.find((one) => one['name'] === name);
  if (found === undefined) throw new Error(`no server ${name} was recorded`);
  // A copy, because each response is a new object.
  return { ...structuredClone(found), ...changes } as JsonObject;
}

/** A session with nova; a test sets what it lists next. */
export class FakeNova implements Pick<Session, 'list' | 'close'> {
  readonly asked: ListRequest[] = [];
  servers: () => readonly JsonObject[] = () => structuredClone(serversOfHost);
  changes: () => readonly JsonObject[] = () => [];
  flavors: () => readonly JsonObject[] = () => structuredClone(flavors);
  /** Awaited before each response. */
  before: (signal: AbortSignal) => Promise<void> = () => Promise.resolve();
  closed = 0;

  async *list(list: ListRequest, signal: AbortSignal): AsyncGenerator<readonly JsonObject[]> {
    this.asked.push(list);
    await this.before(signal);
    const answer =
      list.key === 'flavors'
        ? this.flavors
        : list.query?.['changes-since'] === undefined
          ? this.servers
          : this.changes;
    // One item in each page.
    for (const item of answer()) yield [item];
  }

  close(): Promise<void> {
    this.closed += 1;
    return Promise.resolve();
  }

  /** The `changes-since` of each listing of servers so far; undefined for a listing of all. */
  listings(): readonly (string | undefined)[] {
    return this.asked.filter(({ key }) => key === 'servers').map(({ query }) => query?.['changes-since']);
  }
}
