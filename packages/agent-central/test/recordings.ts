import { readFileSync } from 'node:fs';

import type { Metadata } from '@nephoscope/core';
import type { CloudHead } from '@nephoscope/core/pollster';
import { FakeCloud } from '@nephoscope/testing';
import type { FakeCloudAnswers } from '@nephoscope/testing';

interface Recording {
  readonly request: { readonly line: string; readonly url: string };
  readonly response: {
    readonly status: number;
    readonly headers: readonly (readonly [string, string])[];
    readonly body: string;
  };
}

/** A recorded exchange with a real service. */
export function recording(name: string): Recording {
  return JSON.parse(readFileSync(new URL(`captures/${name}.json`, import.meta.url), 'utf8')) as Recording;
}

/** The items of a recorded listing. */
export function listed(name: string, key: string): readonly Metadata[] {
  const body = JSON.parse(recording(name).response.body) as Record<string, readonly Metadata[]>;
  return key === '' ? (body as unknown as readonly Metadata[]) : body[key]!;
}

export function headed(name: string): CloudHead {
  const { status, headers } = recording(name).response;
  return { status, headers: Object.fromEntries(headers.map(([key, value]) => [key.toLowerCase(), value])) };
}

export const alpha = '909c4662f43441bcb7e3bece767e7d73';
export const beta = '78ff5c929d044587adff2dc9ae0e7a31';
const admin = 'a181d71807a84f1692b79cc7c67a9766';
const service = 'fa1d1e99a9254764b3cfc3d5428be624';

export const swift = 'http://127.0.0.1:8088/v1';
export const account = (project: string) => `object-store ${swift}/AUTH_${project}`;

/** All recordings of the cloud. */
export const recorded: Required<FakeCloudAnswers> = {
  lists: {
    'image /v2/images': listed('glance.images', 'images'),
    'network /v2.0/floatingips': listed('neutron.floatingips', 'floatingips'),
    'network /v2.0/networks': listed('neutron.networks', 'networks'),
    'network /v2.0/ports': listed('neutron.ports', 'ports'),
    'network /v2.0/routers': listed('neutron.routers', 'routers'),
    'volumev3 /v3/volumes/detail': listed('cinder.volumes.detail', 'volumes'),
    'volumev3 /v3/snapshots/detail': listed('cinder.snapshots.detail', 'snapshots'),
    'volumev3 /v3/backups/detail': listed('cinder.backups.detail', 'backups'),
    'identity /v3/projects': listed('keystone.projects', 'projects'),
    [account(alpha)]: listed('swift.get-account.alpha', ''),
    [account(beta)]: [],
    [account(admin)]: listed('swift.get-account.gone', ''),
    [account(service)]: listed('swift.get-account.gone', ''),
  },
  heads: {
    [account(alpha)]: headed('swift.head-account.alpha'),
    [account(beta)]: headed('swift.head-account.beta'),
    [account(admin)]: headed('swift.head-account.admin'),
    [account(service)]: headed('swift.head-account.service'),
  },
  // As keystone returned it: with the account of the agent's own project.
  endpoints: { 'object-store': `${swift}/AUTH_${service}` },
};

/** The recorded cloud, with other responses in place of some. */
export function recordedCloud(changed: FakeCloudAnswers = {}): FakeCloud {
  return new FakeCloud({
    lists: { ...recorded.lists, ...changed.lists },
    heads: { ...recorded.heads, ...changed.heads },
    endpoints: { ...recorded.endpoints, ...changed.endpoints },
  });
}
