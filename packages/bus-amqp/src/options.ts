import { duration } from '@nephoscope/core';
import { z } from 'zod';

import { BrokerUrl } from './broker-url.js';

const brokerUrls = z.union([z.string(), z.array(z.string()).min(1)]).transform((urls, context) =>
  [urls].flat().map((text) => {
    try {
      return new BrokerUrl(text);
    } catch (error) {
      // The value stays out of the issue: it holds a password.
      context.issues.push({ code: 'custom', message: (error as Error).message, input: undefined });
      return z.NEVER;
    }
  }),
);

const unencrypted = 'must be https://…, as the password goes along and the broker is asked by amqps://';

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
    heartbeat: z
      .int()
      .min(1)
      .max(600)
      .meta({ unit: 'seconds' })
      .default(60)
      .describe(
        'Seconds between signs of life; after two to three without any the connection counts as dead. That of a lock has 20 at most. ' +
          'A host or a network that is gone while nothing is sent is noticed after 20 s, by the operating system.',
      ),
    connectTimeout: duration()
      .prefault('10s')
      .describe('Time for one attempt to connect and log in, and for each answer of the broker after that.'),
    confirmTimeout: duration()
      .prefault('30s')
      .describe('Time until a message that the broker did not confirm is reported as not delivered.'),
    management: z
      .url({ protocol: /^https?$/, error: 'must be a URL that begins with https:// or http://' })
      .optional()
      .describe(
        "RabbitMQ's management API, as `https://rabbit-1:15671/`, asked with the user of `url`: policies that remove what waits in our queues " +
          'are told at the start. The user needs the tag `management`.',
      ),
  })
  .refine(({ url, management }) => !management?.startsWith('http:') || !url.some(({ tls }) => tls), {
    path: ['management'],
    message: unencrypted,
  });

export type AmqpOptions = z.output<typeof amqpOptions>;
