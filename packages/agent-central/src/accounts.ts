import type { Meter, Missing, ServiceSettings } from '@nephoscope/core';
import { refusedOption } from '@nephoscope/core/options';
import type { Cloud, CloudList, CloudService, MissingFigure } from '@nephoscope/core/pollster';
import { z } from 'zod';

import { missingFigures } from './listed-counters.js';

/** Options of previous versions for the pollsters that read accounts of the object store. */
export const accountOptions = z.strictObject({
  interface: refusedOption('is set once for all pollsters: write services.swift.interface'),
  resellerPrefix: refusedOption('is set once for all pollsters: write services.swift.resellerPrefix'),
});

const prefixOf = ({ resellerPrefix = 'AUTH_' }: ServiceSettings) => resellerPrefix;

/** All projects, whose accounts are in the object store. */
export const projects: CloudList = { service: { type: 'identity' }, path: '/v3/projects', key: 'projects' };

export const objectStore = (swift: ServiceSettings): CloudService => ({
  type: 'object-store',
  interface: swift.interface,
  usualInterface: 'admin',
});

/** The URL of a project's account: `<endpoint>/v1/<reseller prefix><project id>`. */
export async function accountUrls(cloud: Cloud, swift: ServiceSettings): Promise<(projectId: string) => string> {
  const endpoint = new URL(await cloud.endpoint(objectStore(swift)));
  // In the catalogue, the service's address may be followed by the version, and by the account of our own project.
  const segments = endpoint.pathname.split('/').filter((segment) => segment !== '');
  const version = segments.findIndex((segment) => /^v1(\.\d+)?$/.test(segment));
  const base = version < 0 ? [...segments, 'v1'] : segments.slice(0, version + 1);
  return (projectId) =>
    new URL(`/${[...base, encodeURIComponent(prefixOf(swift) + projectId)].join('/')}`, endpoint).href;
}

/** Replaces an account's figures. */
export const noAccount: Missing = { missing: 'off', detail: 'the project has no account in the object store' };

/** The same, when the object store reports that nothing exists. */
export const absent: Missing = { ...noAccount };

/**
 * The meaning of an error for this one account. A refused request does not affect the next; without the service none
 * can succeed.
 *
 * @throws the error if it is not a refusal
 */
export function refusal(error: unknown): Missing {
  const status = (error as { readonly status?: unknown } | null | undefined)?.status;
  if (typeof status !== 'number' || status < 400 || status >= 500 || status === 401) throw error;
  if (status === 404 || status === 410) return absent;
  const advice = status === 403 ? ': grant the user the role ResellerAdmin' : '';
  return { missing: 'error', detail: `its account answers with status ${status}${advice}` };
}

/**
 * Checks whether the object store has accounts at the expected place. One project without an account is normal; if no
 * project has one, the place is wrong.
 */
export class AccountSearch {
  readonly #swift: ServiceSettings;
  #absent = 0;
  #example = '';
  #isFound = false;

  constructor(swift: ServiceSettings) {
    this.#swift = swift;
  }

  /** @param found whether the answer was other than "does not exist" */
  add(url: string, found: boolean): void {
    if (found) this.#isFound = true;
    else {
      this.#absent += 1;
      this.#example ||= url;
    }
  }

  /** Reports for these meters what to do if none of several was found. */
  missingFigures(meters: readonly Pick<Meter, 'name'>[]): readonly MissingFigure[] {
    if (this.#isFound || this.#absent < 2) return [];
    const detail = `every account answers 404, such as ${this.#example}: check the prefix (services.swift.resellerPrefix, now '${prefixOf(this.#swift)}'; swift's reseller_prefix, of a Ceph gateway '' or what rgw_swift_account_in_url wants) and the endpoint of object-store in keystone, which with a Ceph gateway must end in /swift/v1/AUTH_%(tenant_id)s`;
    return missingFigures(meters, { missing: 'error', detail }, `all ${this.#absent} projects`);
  }
}
