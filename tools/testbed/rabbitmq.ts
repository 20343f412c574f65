import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openNamespace, outerPidFrom } from './namespace.js';
import { isAlive, run, waitUntil } from './processes.js';

/** A RabbitMQ node of its own: loopback only, its own ports, files, cookie and epmd. */
export interface PrivateRabbitmq {
  /** `amqp://guest:guest@127.0.0.1:<port>`, the vhost `/`. */
  url: string;
  port: number;
  /** The process id of the broker, for SIGSTOP and SIGCONT; another one after {@link restart}. */
  pid(): Promise<number>;
  /** Runs `rabbitmqctl` on it. @throws Error with its words, or after 30 s */
  ctl(...args: string[]): Promise<string>;
  /** Stops accepting and closes all connections; the process stays. */
  stopApp(): Promise<void>;
  startApp(): Promise<void>;
  /** As a power failure: SIGKILL. */
  kill(): Promise<void>;
  /** Starts it after {@link kill}, and waits until it is ready. */
  start(): Promise<void>;
  /** Ends it in order and starts it again; durable queues and their messages stay. */
  restart(): Promise<void>;
  /** Ends it and its epmd, and removes its files. */
  stop(): Promise<void>;
}

/** @throws Error with the end of its log when it is not ready within 90 s */
export async function startRabbitmq(): Promise<PrivateRabbitmq> {
  const directory = await mkdtemp(join(tmpdir(), 'nephoscope-rabbitmq-'));
  const [port, distributionPort, epmdPort] = await freePorts();
  const pidFile = join(directory, 'pid');
  const log = join(directory, 'output.log');
  await mkdir(join(directory, 'home'));
  await writeFile(
    join(directory, 'rabbitmq.conf'),
    `listeners.tcp.1 = 127.0.0.1:${port}\nlog.file = false\nlog.console = true\nlog.console.level = warning\n` +
      'disk_free_limit.absolute = 50MB\n',
  );
  await writeFile(join(directory, 'advanced.config'), '[].\n');
  await writeFile(join(directory, 'enabled_plugins'), '[].\n');
  await writeFile(join(directory, 'env.conf'), '');
  const env: NodeJS.ProcessEnv = {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    HOME: join(directory, 'home'),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(epmdPort),
    ERL_CRASH_DUMP_BYTES: '0',
    RABBITMQ_NODENAME: `nephoscope-${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_PID_FILE: pidFile,
    RABBITMQ_CONF_ENV_FILE: join(directory, 'env.conf'),
    RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(directory, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(directory, 'mnesia'),
    RABBITMQ_LOG_BASE: join(directory, 'log'),
    // Two schedulers that sleep when there is nothing to do: the tests need the processors.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      '-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none',
    // An epmd started by rabbitmqctl would live outside of the namespace, and stay.
    RABBITMQ_CTL_ERL_ARGS: '-start_epmd false',
  };
  const script = fileURLToPath(new URL('rabbitmq.sh', import.meta.url));
  const namespace = openNamespace([], script, [log], env);
  const pid = () => outerPidFrom(namespace, pidFile);
  const ctl = (...args: string[]) => run('/usr/lib/rabbitmq/bin/rabbitmqctl', ['--quiet', ...args], { env });

  async function start() {
    namespace.tell('start');
    try {
      await waitUntil(`RabbitMQ listens on port ${port}`, () => !namespace.isOpen() || listens(port), 90_000);
      await ctl('await_startup', '--timeout', '25');
    } catch (error) {
      const end = (await readFile(log, 'utf8').catch(() => '')).slice(-4_096);
      throw new Error(`The private RabbitMQ does not start.\n${namespace.said()}${end}`, { cause: error });
    }
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL') {
    const old = await pid();
    process.kill(old, signal);
    await waitUntil(`RabbitMQ (${old}) ends`, async () => !(await isAlive(old)));
    await rm(pidFile, { force: true });
  }

  async function stop() {
    await namespace.close();
    await rm(directory, { recursive: true, force: true });
  }

  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    port,
    pid,
    ctl,
    stopApp: async () => void (await ctl('stop_app')),
    startApp: async () => void (await ctl('start_app')),
    kill: () => end('SIGKILL'),
    start,
    async restart() {
      await end('SIGTERM');
      await start();
    },
    stop,
  };
}

/** Three TCP ports of loopback that nobody listens on at this moment. */
async function freePorts(): Promise<[number, number, number]> {
  const servers = [createServer(), createServer(), createServer()] as const;
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  const portOf = (server: Server) => (server.address() as AddressInfo).port;
  const ports: [number, number, number] = [portOf(servers[0]), portOf(servers[1]), portOf(servers[2])];
  for (const server of servers) server.close();
  return ports;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const client = connect(port, '127.0.0.1');
    client.once('error', () => resolve(false));
    client.once('connect', () => {
      client.destroy();
      resolve(true);
    });
  });
}
