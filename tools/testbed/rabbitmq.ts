import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { daemonIn } from './daemon.js';
import { openNamespace } from './namespace.js';
import { freePorts, listens } from './ports.js';
import { waitUntil } from './processes.js';
import { makeRabbitmqHome } from './rabbitmq-home.js';
import { Rabbitmqctl } from './rabbitmqctl.js';

/** A private RabbitMQ node: loopback only, its own ports, files, cookie and epmd. */
export interface PrivateRabbitmq {
  /** `amqp://guest:guest@127.0.0.1:<port>`, the vhost `/`. */
  url: string;
  port: number;
  /** The management API, `http://127.0.0.1:<port>/`; available only if requested. */
  management: string;
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

/**
 * @param plugins of RabbitMQ to enable
 * @param settings more lines of its rabbitmq.conf
 * @throws Error with the end of its log when it is not ready within 90 s
 */
export async function startRabbitmq(plugins: readonly string[] = [], settings = ''): Promise<PrivateRabbitmq> {
  const directory = await mkdtemp(join(tmpdir(), 'nephoscope-rabbitmq-'));
  const [port = 0, distributionPort = 0, epmdPort = 0, managementPort = 0] = await freePorts(4);
  const pidFile = join(directory, 'pid');
  const log = join(directory, 'output.log');
  await mkdir(join(directory, 'home'));
  await writeFile(
    join(directory, 'rabbitmq.conf'),
    `listeners.tcp.1 = 127.0.0.1:${port}\nlog.file = false\nlog.console = true\nlog.console.level = warning\n` +
      'disk_free_limit.absolute = 50MB\n' +
      (plugins.includes('rabbitmq_management')
        ? `management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = ${managementPort}\n`
        : '') +
      settings,
  );
  await writeFile(join(directory, 'advanced.config'), '[].\n');
  await writeFile(join(directory, 'enabled_plugins'), `[${plugins.join(',')}].\n`);
  await writeFile(join(directory, 'env.conf'), '');
  const env: NodeJS.ProcessEnv = {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    HOME: join(directory, 'home'),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(epmdPort),
    ERL_CRASH_DUMP_BYTES: '0',
    RABBITMQ_SCRIPTS_DIR: await makeRabbitmqHome(join(directory, 'installed'), plugins),
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
  };
  const script = fileURLToPath(new URL('rabbitmq.sh', import.meta.url));
  const namespace = openNamespace([], script, [log], env);
  const rabbitmqctl = new Rabbitmqctl(env);
  let isNew = false;
  const ctl = (...args: string[]) => {
    // It refuses some commands for a moment after it listens. What is run next waits, and fails if this does.
    if (isNew) void rabbitmqctl.run('await_startup', '--timeout', '25').catch(() => undefined);
    isNew = false;
    return rabbitmqctl.run(...args);
  };

  const daemon = daemonIn({
    name: 'RabbitMQ',
    namespace,
    pidFile,
    log,
    // The last that it does at its start. Whether it is done is asked only for what may be refused before: it takes a rabbitmqctl.
    async ready() {
      await waitUntil(`RabbitMQ listens on port ${port}`, () => !namespace.isOpen() || listens(port), 90_000);
      isNew = true;
    },
  });

  async function stop() {
    rabbitmqctl.stop();
    await namespace.close();
    await rm(directory, { recursive: true, force: true });
  }

  try {
    await daemon.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    port,
    management: `http://127.0.0.1:${managementPort}/`,
    pid: daemon.pid,
    ctl,
    stopApp: async () => void (await ctl('stop_app')),
    startApp: async () => void (await ctl('start_app')),
    kill: () => daemon.end('SIGKILL'),
    start: daemon.start,
    async restart() {
      await daemon.end('SIGTERM');
      await daemon.start();
    },
    stop,
  };
}
