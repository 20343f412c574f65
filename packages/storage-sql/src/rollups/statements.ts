import { NephoscopeError } from '@nephoscope/core';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import type { Schema } from '../schema.js';
import { hourOf } from './hours.js';

/** One of several that are executed in one transaction. */
export interface RollupStatement {
  readonly text: string;
  readonly parameters: readonly unknown[];
}

/** When the rollups were changed since they were read: what was made of them is outdated. */
export function turnLost(): NephoscopeError {
  return new NephoscopeError('STORE_BUSY', 'another program is rolling up samples, too: this one leaves it to it');
}

/**
 * Up to where samples may be removed: those that are rolled up, and not those of hours that are to be rolled up again, which are
 * the latest within the samples that are left.
 */
export const rolledWithoutMarks = (least: 'min' | 'least') => `
  select ${least}(rolled, coalesce((select min(hour) from rollup_marks), rolled)) as rolled from rollup_state`;

/** The same as a time, a full hour; undefined as long as nothing is rolled up: then all may be removed. */
export async function removableBefore(db: Kysely<Schema>, least: 'min' | 'least'): Promise<bigint | undefined> {
  const { rows } = await sql<{ rolled: bigint | null }>`${sql.raw(rolledWithoutMarks(least))}`.execute(db);
  const rolled = rows[0]?.rolled ?? null;
  return rolled === null ? undefined : hourOf(rolled);
}
