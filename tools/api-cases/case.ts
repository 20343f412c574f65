import { readFileSync } from 'node:fs';

import { parseTimestamp } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';

import type { Check } from './checks.js';

/** A sample as Ceilometer's messages contain it. */
export interface Fixture {
  readonly counter_name: string;
  readonly counter_type: string;
  readonly counter_unit: string;
  readonly counter_volume: number;
  readonly user_id: string | null;
  readonly project_id: string | null;
  readonly resource_id: string;
  readonly timestamp: string;
  readonly resource_metadata: object;
  readonly source: string;
  readonly message_id: string;
}

/** Who asks; null: nobody known. */
export type Identity = {
  readonly roles: readonly string[];
  readonly project_id: string;
  readonly user_id: string;
} | null;

/** A request to a server with some samples, and what its reply must be. `packages/api/test/data/README.md` describes the file. */
export interface Case {
  readonly id: string;
  readonly era: string;
  /** Features without which it is not run. */
  readonly needs: readonly string[];
  readonly settings?: { readonly default_limit?: number; readonly sources?: object };
  readonly fixtures: readonly Fixture[];
  readonly request: {
    readonly method: string;
    /** Escaped. */
    readonly path: string;
    readonly query: readonly (readonly [string, string])[];
    readonly headers: Readonly<Record<string, string>>;
    /** A text is sent as it is, anything else as JSON. */
    readonly body: unknown;
    readonly identity: Identity;
  };
  readonly expect: { readonly status: number; readonly content_type?: string; readonly checks: readonly Check[] };
  /** It changes the store, so it has one of its own. */
  readonly mutates?: boolean;
}

export function readCases(file: string | URL): readonly Case[] {
  return JSON.parse(readFileSync(file, 'utf8')) as readonly Case[];
}

/** Those that can be asked of one server: with the same samples and settings. */
export function groupsOf(cases: readonly Case[]): readonly (readonly [Case, ...Case[]])[] {
  const groups = new Map<string, [Case, ...Case[]]>();
  for (const one of cases) {
    const key = one.mutates === true ? one.id : JSON.stringify([one.fixtures, one.settings]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()];
}

export function sampleOf(fixture: Fixture): Sample {
  return {
    messageId: fixture.message_id,
    source: fixture.source,
    meter: fixture.counter_name,
    type: fixture.counter_type,
    unit: fixture.counter_unit,
    volume: JSON.stringify(fixture.counter_volume),
    userId: fixture.user_id,
    projectId: fixture.project_id,
    resourceId: fixture.resource_id,
    timestamp: parseTimestamp(fixture.timestamp),
    publisherId: null,
    sequence: null,
    epoch: null,
    text: JSON.stringify(fixture),
  };
}
