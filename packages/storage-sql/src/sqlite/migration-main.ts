import { runMigrations } from '../run-migrations.js';
import { openSqlite } from './connection.js';
import { migrations } from './migrations.js';
import { toFailure } from './thread-messages.js';

/** The process that {@link migrateInProcess} starts. Here SQLite itself may wait for a lock. */
async function main(path: string): Promise<void> {
  const { db, sqlite } = openSqlite(path);
  try {
    sqlite.exec('pragma busy_timeout = 5000');
    await runMigrations(db, migrations);
  } finally {
    sqlite.close();
  }
}

void main(process.argv[2] as string)
  .catch((error: unknown) => process.send?.(toFailure(error)))
  .then(() => process.disconnect());
