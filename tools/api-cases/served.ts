import {
  AccessDenied,
  apiOptions,
  callerOf,
  createSamplePublisher,
  createServer,
  listen,
} from '@nephoscope/api/testing';
import { Secret } from '@nephoscope/core/options';
import { createVerifier, readMeteringMessage } from '@nephoscope/message';
import { systemClock } from '@nephoscope/runtime';
import { FakeBus, RecordingLogger } from '@nephoscope/testing';
import { z } from 'zod';

import type { Case } from './case.js';
import { readerAt, storeAt } from './databases.js';

/** A server of the API over one database. */
export interface Served {
  readonly base: string;
  /** Errors in its log: it met something that it should have answered otherwise. */
  readonly failures: () => readonly string[];
  stop(): Promise<void>;
}

/** The header in which a request says who asks, as JSON. */
export const identityHeader = 'x-case-identity';

/** Serves a database to whoever a request says that it is. What is posted is recorded at once. */
export async function serve(
  url: string,
  { default_limit: defaultLimit, sources }: NonNullable<Case['settings']> = {},
): Promise<Served> {
  const never = new AbortController().signal;
  const logger = new RecordingLogger();
  const reader = readerAt(url);
  const store = storeAt(url);
  const secrets = [new Secret('6f0a1de7-of-the-cases')];
  const verifier = createVerifier({ secrets });
  const bus = new FakeBus();
  bus.answer = async ({ body }) => {
    const lines = Buffer.from(body).toString().trimEnd().split('\n');
    await store.start(never);
    await store.record(
      lines.map((line) => {
        const { message, sample } = readMeteringMessage(line);
        if (verifier.verify(message) !== 'verified') throw new Error('a message on the bus is not signed');
        return sample;
      }),
    );
  };
  const server = createServer({
    options: apiOptions.parse({ defaultLimit, sources }),
    ...{ reader, logger },
    publisher: createSamplePublisher({ secrets, source: 'openstack', host: 'cases' }, bus, systemClock),
    authenticate: ({ headers }) => {
      const identity = identityIn(String(headers[identityHeader] ?? ''));
      if (identity === undefined) throw new AccessDenied(401, 'a token is needed');
      const { roles, project_id: project, user_id: userId } = identity;
      return callerOf({ kind: 'keystone', name: userId, userId, roles, on: { project } });
    },
  });
  const base = await listen(server, { address: '127.0.0.1', port: 0 });
  return {
    base,
    failures: () =>
      logger.entries
        .filter(({ level }) => level === 'error')
        .map(({ message, fields }) => `${message}: ${String((fields['err'] as Error | undefined)?.stack)}`),
    async stop() {
      await server.close();
      await Promise.all([reader.stop(), store.stop()]);
    },
  };
}

const identitySchema = z.object({ roles: z.array(z.string()), project_id: z.string(), user_id: z.string() });

function identityIn(header: string): z.output<typeof identitySchema> | undefined {
  let json: unknown;
  try {
    json = JSON.parse(header);
  } catch {
    return undefined;
  }
  return identitySchema.safeParse(json).data;
}
