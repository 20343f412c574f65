import { duration, ignoredOption } from '@nephoscope/core/options';
import { z } from 'zod';

import { BrokerUrl } from './broker-url.js';
import type { Timeouts } from './timeouts.js';

const brokerUrls = z.union([z.string(), z.array(z.string()).min(1)]).transform((urls, context) =>
  [urls].flat().map((text) => {
    try {
      return new BrokerUrl(text);
    } catch (error) {
      // The value is not included in the issue, because it contains a password.
      context.issues.push({ code: 'custom', message: (error as Error).message, input: undefined });
      return z.NEVER;
    }
  }),
);

const unencrypted = 'must be https://…, as the password goes along and the broker is asked by amqps://';

const sooner =
  'remove the key, and write a shorter bus.heartbeat if a silent broker is to be noticed sooner; it is';

export const amqpOptions = z
  .strictObject({
    url: brokerUrls.describe(
      'The broker, `amqp://user:password@host:port/vhost` or `amqps://…`; for a cluster a list of its nodes, ' +
        'tried in turn. Never printed with its password.',
    ),
    tls: z
      .strictObject({
        caFile: z.string().optional().describe("PEM file with the certificates to trust instead of the system's."),
        certFile: z.string().optional().describe('PEM file with the certificate to show to the broker.'),
        keyFile: z.string().optional().describe('PEM file with the private key of `certFile`.'),
      })
      .refine(
        (tls) => (tls.certFile === undefined) === (tls.keyFile === undefined),
        'certFile and keyFile belong together',
      )
      .default({})
      .describe('For `amqps`. The files are read again at each connect, so renewed certificates need no restart.'),
    heartbeat: duration()
      .refine((ms) => ms >= 1_000 && ms <= 600_000 && ms % 1_000 === 0, 'must be whole seconds, from 1s to 10m')
      .transform((ms) => ms / 1_000)
      .prefault('60s')
      .describe(
        'Heartbeat interval. A connection counts as dead after two to three intervals without traffic. The connection of a lock uses at most 20 s. A request to the broker times out after two intervals, but at most 10 s; an unconfirmed message is sent again after three, but at most 30 s. If the host or the network disappears while nothing is sent, the operating system notices it after 20 s.',
      ),
    connectTimeout: ignoredOption(`${sooner} 10s at most, and two heartbeats`),
    confirmTimeout: ignoredOption(`${sooner} 30s at most, and three heartbeats`),
    management: z
      .url({ protocol: /^https?$/, error: 'must be a URL that begins with https:// or http://' })
      .optional()
      .describe(
        "RabbitMQ's management API, such as `https://rabbit-1:15671/`, accessed as the user of `url`, for warnings about policies that remove waiting messages from Nephoscope's queues. The user needs the tag `management`.",
      ),
  })
  .refine(({ url, management }) => !management?.startsWith('http:') || !url.some(({ tls }) => tls), {
    path: ['management'],
    message: unencrypted,
  });

export type AmqpOptions = z.output<typeof amqpOptions>;
/** The options of connections. */
export type BusOptions = Omit<AmqpOptions, keyof Timeouts> & Timeouts;
