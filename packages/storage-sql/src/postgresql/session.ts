import type { Queryable } from './queryable.js';

/** Recording and reading rely on these, whatever the settings of the server, the database or the role. */
const reliedOn: Readonly<Record<string, string>> = {
  bytea_output: 'hex',
  datestyle: 'ISO',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  default_transaction_isolation: 'read committed',
  // If a policy hides rows from this user, a query is refused instead of silently omitting them.
  row_security: 'off',
  // Compilation takes longer than any statement here, for which the planner expects many rows without statistics.
  jit: 'off',
  // A statement has its own limit, which includes waiting for locks.
  lock_timeout: '0',
  transaction_timeout: '0',
  // Connections are idle between batches.
  idle_session_timeout: '0',
};

/**
 * With these the server ends the session, and releases its locks, if this program's host is dead or unreachable. Not
 * every server and pooler accepts them, and none is needed in normal operation.
 */
const wished: Readonly<Record<string, string>> = {
  // After 20 s of silence, 4 times at intervals of 5 s.
  tcp_keepalives_idle: '20',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '4',
  // For sent data that is not acknowledged.
  tcp_user_timeout: '40s',
  // A statement that is running, or waits for a lock, ends with its connection.
  client_connection_check_interval: '2s',
};

/**
 * The schema of our tables: the first in the search path that contains them, otherwise the only other one in which
 * this user owns them, so that a changed path does not lead to a second, empty store. Before they are created it is
 * the current one.
 */
const ourSchema = `coalesce((
  with ours as (
    select nspname as name, array_position(current_schemas(false), nspname) as at from pg_namespace
    where (
      select count(*) from pg_class
      where relnamespace = pg_namespace.oid and relkind in ('r', 'p') and pg_has_role(relowner, 'usage')
        and relname in ('kysely_migration', 'message_ids', 'series', 'metadata', 'samples')
    ) = 5
  )
  select name from ours where at is not null or (select count(*) from ours) = 1 order by at limit 1
), current_schema())`;

/**
 * Applies the settings on which recording and reading rely.
 *
 * @param settings additional ones, which override the defaults
 * @throws as {@link Queryable.query}
 */
export async function setSession(
  connection: Queryable,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  await set(connection, reliedOn);
  await connection.query({
    // With a lower value, a commit would be reported, and then acknowledged, before it is on disk.
    text: `select case current_setting('synchronous_commit') when 'off' then set_config('synchronous_commit', 'on', false) end,
      set_config('search_path', quote_ident(${ourSchema}), false)`,
  });
  await setWhatIsTaken(connection, { ...wished, ...settings });
}

/** All in one query; if one of them is refused, each separately. */
async function setWhatIsTaken(connection: Queryable, settings: Readonly<Record<string, string>>): Promise<void> {
  try {
    await set(connection, settings);
  } catch (error) {
    const each = Object.entries(settings);
    if (!connection.usable) throw error;
    if (each.length === 1) return;
    for (const [name, value] of each) await setWhatIsTaken(connection, { [name]: value });
  }
}

/** Those of the settings that this version of PostgreSQL supports. */
async function set(connection: Queryable, settings: Readonly<Record<string, string>>): Promise<void> {
  await connection.query({
    text: `select set_config(given.name, given.value, false)
      from unnest($1::text[], $2::text[]) as given (name, value) join pg_settings on lower(pg_settings.name) = given.name`,
    values: [Object.keys(settings), Object.values(settings)],
  });
}
