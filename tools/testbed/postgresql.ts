import { randomBytes } from 'node:crypto';
import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeCertificates } from './certificates.js';
import { daemonIn } from './daemon.js';
import { openNamespace } from './namespace.js';
import { freePorts } from './ports.js';
import { isAlive, run, waitUntil } from './processes.js';

/** A private PostgreSQL server: loopback only, its own port and files, durable as in production. */
export interface PrivatePostgresql {
  /**
   * `postgresql://nephoscope:<password>@127.0.0.1:<port>/nephoscope`: a user who may only create databases, and its
   * empty database.
   */
  url: string;
  port: number;
  /** The directory of its data. */
  directory: string;
  /** The authority that its certificate is of; undefined without TLS. */
  caFile: string | undefined;
  /** The process id of the postmaster; another one after {@link restart}. */
  pid(): Promise<number>;
  /**
   * Runs SQL as superuser and returns its output, with columns separated by `|`. @throws Error with its message, or
   * after 30 s
   */
  psql(sql: string, database?: string): Promise<string>;
  /**
   * Runs a program of its version as superuser, such as `pg_dump`, with where the server is and these arguments. @throws Error with
   * its words
   */
  client(program: string, ...args: readonly string[]): Promise<string>;
  /** As a power failure: SIGKILL to all of its processes. */
  kill(): Promise<void>;
  /** SIGSTOP to all of its processes: connections stay and nothing answers. */
  freeze(): Promise<void>;
  /** SIGCONT after {@link freeze}. */
  thaw(): Promise<void>;
  /** Starts it after {@link kill} or {@link shutDown}, and waits until it takes connections. */
  start(): Promise<void>;
  /** Ends it in order; its clients are cut off. */
  shutDown(): Promise<void>;
  /** {@link shutDown}, then {@link start}. */
  restart(): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

export interface PostgresqlOptions {
  /** An existing directory for the data, for example on a small file system; otherwise a new one. */
  directory?: string;
  /** Accepts TLS too, with a certificate of its own authority for these names (`DNS:localhost`, `IP:127.0.0.1`). */
  tls?: readonly string[];
  /** Lines of `postgresql.conf`. */
  settings?: readonly string[];
  /** It is a hot standby of that one, with its state and users, until `select pg_promote()`. */
  standbyOf?: PrivatePostgresql;
}

const asPostgres = ['--reuid=postgres', '--regid=postgres', '--clear-groups'];

/** @throws Error with the end of its log if it is not ready within 60 s */
export async function startPostgresql(options: PostgresqlOptions = {}): Promise<PrivatePostgresql> {
  const binaries = await newestBinaries();
  const directory = await mkdtemp(join(tmpdir(), 'nephoscope-postgresql-'));
  const place = options.directory ?? directory;
  const data = join(place, 'data');
  const log = join(directory, 'output.log');
  const [port = 0] = await freePorts(1);
  const { standbyOf } = options;
  const [superuserPassword, password] = standbyOf
    ? passwordsOf(standbyOf)
    : [randomBytes(12).toString('hex'), randomBytes(12).toString('hex')];

  await mkdir(data, { mode: 0o700 });
  await chmod(directory, 0o755);
  const passwordFile = join(directory, 'password');
  await writeFile(passwordFile, superuserPassword);
  await run('chown', ['postgres:', data, passwordFile]);
  const making =
    standbyOf === undefined
      ? [
          ...[join(binaries, 'initdb'), '--pgdata', data, '--username=postgres', '--no-sync'],
          ...['--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--encoding=UTF8', '--locale=C.UTF-8'],
        ]
      : [
          ...[join(binaries, 'pg_basebackup'), '--pgdata', data, '--write-recovery-conf', '--no-sync'],
          ...['--checkpoint=fast', '--host=127.0.0.1', `--port=${standbyOf.port}`, '--username=postgres'],
        ];
  const environment = { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', PGPASSWORD: superuserPassword };
  await run('setpriv', [...asPostgres, ...making], { deadline: 120_000, env: environment });
  const settings = [
    `listen_addresses = '127.0.0.1'`,
    `port = ${port}`,
    `unix_socket_directories = ''`,
    ...(options.settings ?? []),
  ];
  let caFile: string | undefined;
  if (options.tls !== undefined) {
    const made = await makeCertificates(directory, options.tls);
    await run('chown', ['postgres:', made.keyFile]);
    settings.push('ssl = on', `ssl_cert_file = '${made.certFile}'`, `ssl_key_file = '${made.keyFile}'`);
    caFile = made.caFile;
  }
  await appendFile(join(data, 'postgresql.conf'), `${settings.join('\n')}\n`);

  const script = fileURLToPath(new URL('postgresql.sh', import.meta.url));
  const namespace = openNamespace([], script, [join(binaries, 'postgres'), data, log]);
  const daemon = daemonIn({
    name: 'PostgreSQL',
    namespace,
    pidFile: join(data, 'postmaster.pid'),
    log,
    ready: () =>
      waitUntil(
        `PostgreSQL takes connections on port ${port}`,
        () => !namespace.isOpen() || takesConnections(join(binaries, 'pg_isready'), port),
        60_000,
      ),
  });
  const client = (program: string, ...args: readonly string[]) =>
    run(join(binaries, program), ['-h', '127.0.0.1', '-p', `${port}`, '-U', 'postgres', ...args], {
      env: environment,
    });
  const psql = (sql: string, database = 'nephoscope') =>
    client('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', database, '-c', sql);
  /** The postmaster and the processes it started. */
  const processes = async () => {
    const pid = await daemon.pid();
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return [pid, ...children.trim().split(' ').filter(Boolean).map(Number)];
  };
  const signalAll = async (signal: NodeJS.Signals) => {
    for (const pid of await processes()) killIfThere(pid, signal);
  };

  async function kill() {
    const all = await processes();
    await daemon.end('SIGKILL');
    for (const pid of all) killIfThere(pid, 'SIGKILL');
    await waitUntil('the processes of PostgreSQL end', async () => {
      const alive = await Promise.all(all.map(isAlive));
      return alive.every((one) => !one);
    });
  }

  async function stop() {
    await namespace.close();
    await Promise.all([directory, data].map((path) => rm(path, { recursive: true, force: true })));
  }

  try {
    await daemon.start();
    if (standbyOf === undefined) {
      await psql(`create role nephoscope login createdb password '${password}'`, 'postgres');
      await psql('create database nephoscope owner nephoscope', 'postgres');
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const made: PrivatePostgresql = {
    url: `postgresql://nephoscope:${password}@127.0.0.1:${port}/nephoscope`,
    port,
    directory: data,
    caFile,
    pid: daemon.pid,
    psql,
    client,
    kill,
    freeze: () => signalAll('SIGSTOP'),
    thaw: () => signalAll('SIGCONT'),
    start: daemon.start,
    shutDown: () => daemon.end('SIGINT'),
    async restart() {
      await daemon.end('SIGINT');
      await daemon.start();
    },
    stop,
  };
  passwords.set(made, [superuserPassword, password]);
  return made;
}

/** Of the superuser and of the user; a standby has those of its primary. */
const passwords = new WeakMap<PrivatePostgresql, readonly [string, string]>();

function passwordsOf(server: PrivatePostgresql): readonly [string, string] {
  const known = passwords.get(server);
  if (known === undefined) throw new Error('a standby is of a server that was started here');
  return known;
}

/**
 * Debian keeps the programs of each major version in a separate directory. @throws Error if there is none from 15 on
 */
async function newestBinaries(): Promise<string> {
  const root = '/usr/lib/postgresql';
  const versions = (await readdir(root).catch(() => [])).map(Number).filter((version) => version >= 15);
  if (versions.length === 0) throw new Error(`No PostgreSQL from 15 on in ${root}: install Debian's 'postgresql'`);
  return join(root, String(Math.max(...versions)), 'bin');
}

async function takesConnections(pgIsReady: string, port: number): Promise<boolean> {
  return await run(pgIsReady, ['--quiet', '--host=127.0.0.1', `--port=${port}`]).then(
    () => true,
    () => false,
  );
}

function killIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
