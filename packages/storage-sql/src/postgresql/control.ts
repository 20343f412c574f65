import { randomUUID } from 'node:crypto';

import type { Sample } from '@nephoscope/core/sample-store';

import { recordBatch, toBatch } from './batch.js';
import type { StateOfTables } from './batch.js';
import type { Connection } from './connection.js';
import { createSharedRows } from './shared-rows.js';

/**
 * Whether the database accepts a sample without anything that could be refused, at this time (ns). If so, a refusal
 * is caused by a sample, otherwise by the database. Rolled back.
 */
export async function takesPlainSample(
  connection: Connection,
  timestamp: bigint,
  state: StateOfTables,
): Promise<boolean> {
  const { values } = toBatch([plainSample(timestamp)], createSharedRows(), state);
  let taken = false;
  const undone = new Error('to be rolled back');
  const ended = await connection
    .transaction(async () => {
      taken = (await connection.query({ text: recordBatch, values: [...values] })).rowCount === 1;
      throw undone;
    })
    .catch((error: unknown) => error);
  return taken && ended === undone;
}

function plainSample(timestamp: bigint): Sample {
  const messageId = randomUUID();
  const text = `{"message_id":"${messageId}","resource_metadata":{},"message_signature":"${'0'.repeat(64)}"}`;
  return {
    ...{ messageId, timestamp, text, source: 'control', meter: 'control', type: 'gauge', unit: 'control' },
    ...{ volume: '1', userId: 'control', projectId: 'control', resourceId: 'control' },
    ...{ publisherId: 'control', sequence: 1n, epoch: 'control' },
  };
}
