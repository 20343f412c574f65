import type { Cloud, CloudList, CloudService, Missing } from '@nephoscope/core';
import { z } from 'zod';

/** Options of the pollsters that read accounts of the object store. */
export const accountOptions = z.strictObject({
  interface: z
    .enum(['public', 'internal', 'admin'])
    .default('admin')
    .describe('Which endpoint of the service `object-store` is asked.'),
  resellerPrefix: z
    .string()
    .default('AUTH_')
    .describe("What stands before a project's id in the name of its account: swift's `reseller_prefix`."),
});

export type AccountOptions = z.output<typeof accountOptions>;

/** All projects, whose accounts the object store has. */
export const projects: CloudList = { service: { type: 'identity' }, path: '/v3/projects', key: 'projects' };

export const objectStore = (options: AccountOptions): CloudService => ({
  type: 'object-store',
  interface: options.interface,
});

/** Where a project's account is: `<endpoint>/v1/<reseller prefix><project id>`. */
export async function accountUrls(cloud: Cloud, options: AccountOptions): Promise<(projectId: string) => string> {
  const endpoint = new URL(await cloud.endpoint(objectStore(options)));
  // The catalogue may have the version behind the service's address, and behind that the account of our own project.
  const segments = endpoint.pathname.split('/').filter((segment) => segment !== '');
  const version = segments.findIndex((segment) => /^v1(\.\d+)?$/.test(segment));
  const base = version < 0 ? [...segments, 'v1'] : segments.slice(0, version + 1);
  return (projectId) =>
    new URL(`/${[...base, encodeURIComponent(options.resellerPrefix + projectId)].join('/')}`, endpoint).href;
}

/** In place of an account's figures. */
export const noAccount: Missing = { missing: 'off', detail: 'the project has no account in the object store' };

/**
 * What an error says of this one account. One that is refused says nothing of the next; without the service there is
 * none to go on with.
 *
 * @throws the error when it is no refusal
 */
export function refusal(error: unknown): Missing {
  const status = (error as { readonly status?: unknown } | null | undefined)?.status;
  if (typeof status !== 'number' || status < 400 || status >= 500 || status === 401) throw error;
  if (status === 404 || status === 410) return noAccount;
  const advice = status === 403 ? ': give our user the role ResellerAdmin' : '';
  return { missing: 'error', detail: `its account answers with status ${status}${advice}` };
}
