import { isIPv4 } from 'node:net';

import { z } from 'zod';

const oidcOptions = z.strictObject({
  issuer: z
    .url({ protocol: /^https?$/ })
    .refine((url) => url.startsWith('https:') || isLoopback(new URL(url).hostname), {
      error: 'whoever is between could forge keys: an issuer that is not on loopback needs https',
    })
    .describe('The issuer’s URL, as tokens have it in `iss`. Its keys are found by OpenID discovery.'),
  audience: z
    .string()
    .min(1)
    .describe('What tokens must have in `aud`, so that those for another service are refused.'),
  projectClaim: z
    .string()
    .min(1)
    .default('project_id')
    .describe('The claim with the project’s id; one inside of another is written `outer.inner`.'),
  rolesClaim: z
    .string()
    .min(1)
    .default('roles')
    .describe(
      'The claim with the roles `reader`, `member` or `admin`: a list, or a text with blanks between, such as `realm_access.roles`.',
    ),
});

/** The part `access` of the section `api`. */
export const accessOptions = z.strictObject({
  keystone: z
    .boolean()
    .default(false)
    .describe(
      'Whether tokens of keystone are accepted in `X-Auth-Token`. They are checked with keystone, as the user of the section `openstack`, who needs the role admin, or reader on the system.',
    ),
  directory: z
    .string()
    .min(1)
    .optional()
    .describe('Where `nephoscope tokens` keeps the tokens that it makes. Without it there are none.'),
  oidc: oidcOptions
    .optional()
    .describe('An OpenID Connect issuer whose tokens (JWT) are accepted as `Authorization: Bearer`.'),
});

export type AccessOptions = z.output<typeof accessOptions>;
export type OidcOptions = z.output<typeof oidcOptions>;

/** Whether anybody is authenticated at all. */
export function isAuthenticated({ keystone, directory, oidc }: AccessOptions): boolean {
  return keystone || directory !== undefined || oidc !== undefined;
}

export function isLoopback(address: string): boolean {
  const plain = address.replace(/^\[(.*)\]$/, '$1');
  return plain === '::1' || plain === 'localhost' || (isIPv4(plain) && plain.startsWith('127.'));
}
