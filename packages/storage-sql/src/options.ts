import { z } from 'zod';

import { PostgresqlUrl } from './postgresql/postgresql-url.js';

const sqlite = /^sqlite:(?!\/\/|:memory:$)[^?#]+$/;

const storeUrl = z.string().transform((text, context): string | PostgresqlUrl => {
  if (sqlite.test(text)) return text;
  try {
    if (/^postgres(ql)?:/.test(text)) return new PostgresqlUrl(text);
    if (text === 'sqlite::memory:')
      throw new TypeError('keeps nothing that anybody could read: give a file, as in sqlite:/tmp/samples.db');
    if (text.startsWith('sqlite://'))
      throw new TypeError(
        'takes the path right behind sqlite: without //, as in sqlite:/var/lib/nephoscope/samples.db',
      );
    throw new TypeError(
      'must look like sqlite:/var/lib/nephoscope/samples.db or postgresql://user:password@host:5432/database',
    );
  } catch (error) {
    // The value is not included in the issue, because it may contain a password.
    context.issues.push({ code: 'custom', message: (error as Error).message, input: undefined });
    return z.NEVER;
  }
});

export const options = z.strictObject({
  url: storeUrl
    .prefault('sqlite:/var/lib/nephoscope/samples.db')
    .describe(
      'Where samples are stored. `sqlite:` and the path of the file, absolute or relative to the working directory: the file and its directory are created if missing. ' +
        'Or PostgreSQL 15 or later, `postgresql://user:password@host:5432/database`, with ' +
        '`?sslmode=disable|require|verify-ca|verify-full` (default: `disable` for this machine, `verify-full` for any other). Never printed with its password.',
    ),
  tls: z
    .strictObject({
      caFile: z.string().optional().describe("PEM file with the certificates to trust instead of the system's."),
      certFile: z.string().optional().describe('PEM file with the certificate to show to PostgreSQL.'),
      keyFile: z.string().optional().describe('PEM file with the private key of `certFile`.'),
    })
    .refine(
      (tls) => (tls.certFile === undefined) === (tls.keyFile === undefined),
      'certFile and keyFile belong together',
    )
    .default({})
    .describe(
      'For PostgreSQL. The files are read again at each connect, so renewed certificates need no restart.',
    ),
});

export type Options = z.output<typeof options>;
