import type { Queryable } from './queryable.js';

/** The state of a session, as seen by another one. */
export interface SessionState {
  /** False if it is idle, waits for a lock of the asking session, or does not exist. */
  readonly isAtWork: boolean;
  /** The sessions that hold the lock it waits for; undefined if it waits for no lock. */
  readonly holders: string | undefined;
}

/** @param process the id of the session's process */
export async function stateOf(connection: Queryable, process: number): Promise<SessionState> {
  const { rows } = await connection.query<{ at_work: string }>({
    text: `select (state = 'active' and wait_event_type is distinct from 'Client')::text as at_work
      from pg_stat_activity where pid = $1`,
    values: [process],
  });
  return {
    isAtWork: rows[0]?.at_work === 'true',
    holders: await described(connection, 'select unnest(pg_blocking_pids($1)) as pid', [process]),
  };
}

/** Terminates a lost session of this name in the server. */
export async function endSession(connection: Queryable, process: number, name: string): Promise<void> {
  await connection.query({
    text: `select pg_terminate_backend(pid) from pg_stat_activity
      where pid = $1 and usename = current_user and application_name = $2::name::text`,
    values: [process, name],
  });
}

/** The sessions that hold locks of these tables. */
export async function holdersOfTables(
  connection: Queryable,
  tables: readonly string[],
): Promise<string | undefined> {
  return await described(
    connection,
    `select distinct pid from pg_locks where granted and pid <> pg_backend_pid()
      and relation in (select to_regclass(name) from unnest($1::text[]) as name)`,
    [tables],
  );
}

/** The session that holds the advisory lock of this number. */
export async function holderOfLock(connection: Queryable, lock: number): Promise<string | undefined> {
  return await described(
    connection,
    `select pid from pg_locks where granted and locktype = 'advisory' and pid <> pg_backend_pid()
      and database = (select oid from pg_database where datname = current_database())
      and (classid, objid, objsubid) = (0, $1, 1)`,
    [lock],
  );
}

/**
 * Descriptions of sessions, by their application names, in which ours include host and process. What a session of
 * another user does is only visible with a permission.
 *
 * @param pids a query for the ids of their processes; 0 is a transaction prepared for two-phase commit
 */
async function described(connection: Queryable, pids: string, values: unknown[]): Promise<string | undefined> {
  const { rows } = await connection.query<{ who: string }>({
    text: `with asked as (${pids})
      select case asked.pid when 0 then 'a prepared transaction (see pg_prepared_xacts)' else
        concat('''', coalesce(nullif(application_name, ''), 'a program without a name'), ''' (process ', asked.pid,
          ' of the server, user ', usename, ', from ' || host(client_addr), ', ' || state,
          ' for ' || round(extract(epoch from clock_timestamp() - state_change)) || ' s', ')') end as who
      from asked left join pg_stat_activity as session on session.pid = asked.pid
      order by xact_start nulls last limit 3`,
    values,
  });
  return rows.length === 0 ? undefined : rows.map(({ who }) => who).join(', ');
}
