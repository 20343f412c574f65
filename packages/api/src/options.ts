import { isIPv4 } from 'node:net';

import { commonSections, pluginSection, statusOptions } from '@nephoscope/runtime';
import { z } from 'zod';

/** The section `api`. */
export const apiOptions = z.strictObject({
  address: z
    .string()
    .default('127.0.0.1')
    .refine(isLoopback, {
      error: ({ input }) =>
        `${String(input)} is not a loopback address, and nobody who asks is authenticated: use 127.0.0.1 or ::1, and a proxy that authenticates`,
    })
    .describe('Address to listen on. Requests are not authenticated, so it must be a loopback address.'),
  port: z.number().int().min(0).max(65_535).default(8777).describe('TCP port; 0 chooses a free one and logs it.'),
  names: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Host names accepted in requests, in addition to addresses, `localhost` and the machine’s host name, such as that of a proxy. Any other is answered with 421.',
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
  sources: z
    .record(z.string().min(1), z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])))
    .default({ openstack: {} })
    .describe('What `/v1/sources` and `/v2/sources` tell of each source of samples.'),
});

export type ApiOptions = z.output<typeof apiOptions>;

/** What the configuration of the API has. */
export const apiSections = {
  ...commonSections,
  secrets: commonSections.secrets.optional(),
  storage: pluginSection('sql', 'The sample store that is read.'),
  api: apiOptions.prefault({}).describe('The HTTP API.'),
  status: statusOptions(9_393),
};

function isLoopback(address: string): boolean {
  return address === '::1' || address === 'localhost' || (isIPv4(address) && address.startsWith('127.'));
}
