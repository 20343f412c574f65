import type { Queryable } from './queryable.js';

/** What is written and read here relies on these, whatever the server, the database or the role says. */
const reliedOn: Readonly<Record<string, string>> = {
  bytea_output: 'hex',
  datestyle: 'ISO',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  default_transaction_isolation: 'read committed',
  // Where a policy hides rows from this user, a query is refused instead of passing over them without a word.
  row_security: 'off',
  // Compiling takes longer than any statement here, of which the planner expects much as it sees no statistics yet.
  jit: 'off',
  // A statement has its limit, and waits for locks within it.
  lock_timeout: '0',
  transaction_timeout: '0',
  // Connections rest between batches.
  idle_session_timeout: '0',
};

/**
 * By these the server ends the session, and with it its locks, when this program's host is dead or the way is cut. Not
 * every server and pooler takes them, and none is needed while all is well.
 */
const wished: Readonly<Record<string, string>> = {
  // After 20 s without a word, 4 times with 5 s between.
  tcp_keepalives_idle: '20',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '4',
  // What was sent and nobody acknowledges.
  tcp_user_timeout: '40s',
  // A statement that is at work, or waits for a lock, ends with its connection.
  client_connection_check_interval: '2s',
};

/**
 * The schema in which our tables are: of those in the search path the first, else the only other one in which this user
 * owns them, so that a path that was changed leads to no second, empty store. Before they are made it is the current
 * one.
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
 * Makes the session one that what is written and read here can rely on.
 *
 * @param settings more of them, in place of the usual
 * @throws as {@link Queryable.query}
 */
export async function setSession(
  connection: Queryable,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  await set(connection, reliedOn);
  await connection.query({
    // Less than on would tell of a commit before it is on disk, which we acknowledge then.
    text: `select case current_setting('synchronous_commit') when 'off' then set_config('synchronous_commit', 'on', false) end,
      set_config('search_path', quote_ident(${ourSchema}), false)`,
  });
  await setWhatIsTaken(connection, { ...wished, ...settings });
}

/** All in one query; when one of them is refused, each by itself. */
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

/** Of these settings those that this version of PostgreSQL knows. */
async function set(connection: Queryable, settings: Readonly<Record<string, string>>): Promise<void> {
  await connection.query({
    text: `select set_config(given.name, given.value, false)
      from unnest($1::text[], $2::text[]) as given (name, value) join pg_settings on lower(pg_settings.name) = given.name`,
    values: [Object.keys(settings), Object.values(settings)],
  });
}
