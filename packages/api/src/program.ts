import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PermanentError, describeError, isNephoscopeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';
import type { SampleReader } from '@nephoscope/core/sample-store';
import type { Component, ProgramDefinition } from '@nephoscope/runtime';

import { loopbackCaller } from './access/caller.js';
import { apiSections } from './options.js';
import type { ApiOptions } from './options.js';
import { createServer, listen } from './server.js';

/** The API as a program: its configuration and the plugin it takes. */
export const apiProgram = {
  name: 'nephoscope-api',
  directory: dirname(dirname(fileURLToPath(import.meta.url))),
  sections: apiSections,
  chosen: { storage: 'storage' },
  selected: {},
} as const satisfies ProgramDefinition<typeof apiSections>;

/** Serves what the reader finds. A database that is away is not waited for: requests are answered with 503 until it is there. */
export function createApi({
  options,
  reader,
  logger,
}: {
  readonly options: ApiOptions;
  readonly reader: SampleReader;
  readonly logger: Logger;
}): Component & { readonly url: string } {
  const server = createServer({ options, reader, logger, authenticate: () => loopbackCaller });
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
        // Only a collector makes the database.
        if (error instanceof PermanentError && !isNephoscopeError(error, 'STORE_MISSING')) throw error;
        logger.warn({}, `the store cannot be read yet, requests are answered with 503: ${describeError(error)}`);
      }
      url = await listen(server, options);
      logger.info({ url }, 'answering');
    },
    async stop() {
      // What is being read ends with the reader.
      await Promise.all([server.close(), reader.stop()]);
    },
  };
}
