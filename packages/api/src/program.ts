import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PermanentError, describeError, isNephoscopeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';
import type { Secret } from '@nephoscope/core/options';
import type { SampleReader } from '@nephoscope/core/sample-store';
import { createVerifier } from '@nephoscope/message';
import type { Session } from '@nephoscope/openstack';
import type { Component, ProgramDefinition } from '@nephoscope/runtime';
import type { FastifyInstance } from 'fastify';

import { AuditFile, auditToLog } from './access/audit.js';
import { createAuthentication } from './access/authentication.js';
import { isAuthenticated, isLoopback } from './access/options.js';
import type { SamplePublisher } from './ceilometer/posting/sample-publisher.js';
import { apiSections } from './options.js';
import type { ApiOptions } from './options.js';

/** The API as a program: its configuration and the plugin that it uses. */
export const apiProgram = {
  name: 'nephoscope-api',
  directory: dirname(dirname(fileURLToPath(import.meta.url))),
  sections: apiSections,
  chosen: { bus: 'bus', storage: 'storage' },
  // One that only reads needs no bus.
  isNeeded: (section, { api }) => section !== 'bus' || api.posting,
  selected: {},
} as const satisfies ProgramDefinition<typeof apiSections>;

/**
 * Serves the reader's data. It does not wait for a database that is unavailable: requests are answered with 503 until it is available.
 *
 * @param session with keystone, if its tokens are accepted; the caller closes it
 */
export function createApi({
  options,
  reader,
  session,
  secrets,
  publisher,
  logger,
}: {
  readonly options: ApiOptions;
  readonly reader: SampleReader;
  readonly session?: Pick<Session, 'validate'> | undefined;
  /** Signatures are checked with; without any, replies say that they were not. */
  readonly secrets?: readonly Secret[] | undefined;
  /** Without one, no samples may be posted. */
  readonly publisher?: SamplePublisher | undefined;
  readonly logger: Logger;
}): Component & { readonly url: string } {
  let server: FastifyInstance | undefined;
  const file = options.audit === undefined ? undefined : new AuditFile(options.audit, logger);
  const audit = file?.add ?? (isAuthenticated(options.access) ? auditToLog(logger) : undefined);
  let url = '';
  return {
    name: 'api',
    get url() {
      return url;
    },
    health: () => reader.health(),
    async start(signal) {
      try {
        await reader.start(AbortSignal.any([signal, AbortSignal.timeout(10_000)]));
      } catch (error) {
        signal.throwIfAborted();
        // Only a collector creates the database.
        if (error instanceof PermanentError && !isNephoscopeError(error, 'STORE_MISSING')) throw error;
        logger.warn({}, `the store cannot be read yet, requests are answered with 503: ${describeError(error)}`);
      }
      // The web server is loaded only when it is started, not by commands that read the options.
      const { createServer, listen } = await import('./server.js');
      const authenticate = createAuthentication({ access: options.access, session, logger });
      const verifier = secrets === undefined ? undefined : createVerifier({ secrets });
      server = createServer({ options, reader, secrets, publisher, logger, authenticate, audit, verifier });
      url = await listen(server, options);
      logger.info({ url }, 'answering');
      if (options.tls === undefined && !isLoopback(options.address))
        logger.warn(
          { url },
          'tokens and samples are sent unencrypted, as api.tls is not configured: let nobody but a proxy with TLS reach this address',
        );
    },
    async stop() {
      // Reads in progress end with the reader.
      await Promise.all([server?.close(), reader.stop()]);
      await file?.stop();
    },
  };
}
