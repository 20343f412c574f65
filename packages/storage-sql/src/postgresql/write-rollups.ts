import type { RollupStatement } from '../rollups/statements.js';
import type { Connection } from './connection.js';

/** Executes all in one transaction. @returns false if the first one changed no row: then nothing is changed */
export async function writeAll(connection: Connection, statements: readonly RollupStatement[]): Promise<boolean> {
  const lost = new Error('to be rolled back');
  try {
    await connection.transaction(async () => {
      for (const [at, { text, parameters }] of statements.entries()) {
        const { rowCount } = await connection.query({ text, values: [...parameters] });
        if (at === 0 && rowCount === 0) throw lost;
      }
    });
    return true;
  } catch (error) {
    if (error === lost) return false;
    throw error;
  }
}
