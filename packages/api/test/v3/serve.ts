import { Secret } from '@nephoscope/core/options';
import type { Sample, SampleReader, Scope } from '@nephoscope/core/sample-store';
import { createSigner, createVerifier, readMeteringMessage, signMeteringMessage } from '@nephoscope/message';
import { RecordingLogger } from '@nephoscope/testing';
import type { FastifyInstance } from 'fastify';

import { loopbackCaller } from '../../src/access/caller.js';
import { apiOptions } from '../../src/options.js';
import { createServer, listen } from '../../src/server.js';

export const secret = new Secret('a secret of the tests');
const verifier = createVerifier({ secrets: [secret] });

export interface Served {
  readonly url: string;
  readonly logger: RecordingLogger;
  close(): Promise<void>;
}

/** Serves a reader, of which callers see the scope. */
export async function serve(
  reader: SampleReader,
  { scope = 'all', checks = true, stalledAfter }: { scope?: Scope; checks?: boolean; stalledAfter?: number } = {},
): Promise<Served> {
  const logger = new RecordingLogger();
  const server: FastifyInstance = createServer({
    ...{ reader, logger, options: apiOptions.parse({}), verifier: checks ? verifier : undefined },
    authenticate: () => ({ ...loopbackCaller, scope }),
    ...(stalledAfter === undefined ? {} : { stalledAfter }),
  });
  const url = await listen(server, { address: '127.0.0.1', port: 0 });
  return {
    url,
    logger,
    async close() {
      await server.close();
      await reader.stop();
    },
  };
}

/** A signed sample as a store gives it: hour `at` of October 2026. */
export function signed(
  at: number,
  {
    volume = BigInt(at),
    epoch = 'run',
    ...fields
  }: Partial<Parameters<typeof signMeteringMessage>[0]> & { epoch?: string } = {},
): Sample {
  const counter = {
    ...({ name: 'cpu', type: 'cumulative', unit: 'ns' } as const),
    ...{ userId: 'user', projectId: 'shop', resourceId: 'web' },
    timestamp: BigInt(Date.UTC(2026, 9, 1, at)) * 1_000_000n,
    resourceMetadata: {
      display_name: 'web-1',
      flavor: { name: 'small' },
      instance_host: 'compute-1',
      status: 'active',
    },
    ...fields,
    volume,
  };
  const { resourceId, name } = counter;
  const text = signMeteringMessage(
    counter,
    {
      ...{ source: 'openstack', publisherId: 'compute.test', sequence: BigInt(at), epoch },
      messageId: `${resourceId}/${name}/${at}`,
    },
    createSigner({ secret, form: 'canonical' }),
  );
  return readMeteringMessage(text).sample;
}
