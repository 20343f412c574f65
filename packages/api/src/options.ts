import { cloudOptions } from '@nephoscope/openstack';
import { busSection, commonSections, pluginSection, statusOptions } from '@nephoscope/runtime';
import { z } from 'zod';

import { limitsOptions } from './access/limits.js';
import { accessOptions, isAuthenticated, isLoopback } from './access/options.js';

const options = z.strictObject({
  address: z
    .string()
    .default('127.0.0.1')
    .describe(
      'Address to listen on. Without `access` it must be a loopback address, as everybody who can reach it sees all. Other addresses need `tls`, or a proxy with TLS in front: tokens are sent with every request.',
    ),
  port: z.number().int().min(0).max(65_535).default(8777).describe('TCP port; 0 chooses a free one and logs it.'),
  tls: z
    .strictObject({
      cert: z.string().min(1).describe('PEM file with the certificate, and those between it and the authority’s.'),
      key: z.string().min(1).describe('PEM file with its key.'),
    })
    .optional()
    .describe('Answers by HTTPS. The files are read at start.'),
  publicUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'Where clients reach the API if a proxy is between, such as `https://metering.example.org`: links in replies begin with it.',
    ),
  access: accessOptions
    .prefault({})
    .describe(
      'Who is let in: those with a token of one of these. With none of them everybody, who then must be on this machine.',
    ),
  limits: limitsOptions
    .prefault({})
    .describe(
      'How much each caller may ask, by its user or the name of its token. Without `access` there is no limit.',
    ),
  audit: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File that gets a line of JSON for each request: who asked what, and how much was answered. By default, with `access`, the lines go to the program’s log.',
    ),
  names: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Host names accepted in requests, in addition to addresses, `localhost` and the machine’s host name, such as that of a proxy. Any other is answered with 421. With `access` every name is accepted.',
    ),
  defaultLimit: z
    .number()
    .int()
    .min(1)
    .max(1_000)
    .default(100)
    .describe(
      'Number of items in a reply to a request of `/v2` without `limit`. A `Link` leads to those that follow.',
    ),
  posting: z
    .boolean()
    .default(false)
    .describe(
      'Whether clients may post samples (`POST /v2/meters/{meter}`). They are signed with the first of `secrets` and sent over `bus`.',
    ),
  sources: z
    .record(z.string().min(1), z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])))
    .default({ openstack: {} })
    .describe('What `/v1/sources` and `/v2/sources` tell of each source of samples.'),
});

/** The section `api`. */
export const apiOptions = options.refine(({ address, access }) => isLoopback(address) || isAuthenticated(access), {
  path: ['address'],
  error: ({ input }) =>
    `${(input as { address: string }).address} is not a loopback address, and nobody who asks is authenticated: use 127.0.0.1 or ::1, or configure api.access`,
});

export type ApiOptions = z.output<typeof apiOptions>;

/** The parts of the configuration that the API uses. */
export const apiSections = {
  ...commonSections,
  secrets: commonSections.secrets.optional(),
  storage: pluginSection('sql', 'The sample store that is read.'),
  openstack: cloudOptions
    .prefault({})
    .describe(
      'The cloud whose keystone checks tokens. Missing settings are taken from `clouds.yaml` and the `OS_…` variables.',
    ),
  bus: busSection,
  api: apiOptions.prefault({}).describe('The HTTP API.'),
  status: statusOptions(9_393),
};
