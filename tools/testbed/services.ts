import { ensurePackages, testPackages } from './debian.js';
import { bootGuest, type Guest } from './guest.js';
import { startLibvirtd, type PrivateLibvirtd } from './libvirtd.js';
import { startPostgresql, type PrivatePostgresql } from './postgresql.js';
import { progress } from './progress.js';
import { startRabbitmq, type PrivateRabbitmq } from './rabbitmq.js';

export type ServiceName = 'rabbitmq' | 'libvirtd' | 'postgresql';

export interface Services {
  /** The addresses of the started services, for tests. */
  environment: Record<string, string>;
  stop(): Promise<void>;
}

/**
 * Starts the named services concurrently; libvirtd with two guests that must not be changed.
 *
 * @throws the first error, after everything that had started has stopped
 */
export async function startServices(names: ReadonlySet<ServiceName>): Promise<Services> {
  await ensurePackages(testPackages);
  const started: { stop(): Promise<void> }[] = [];
  const stop = async () => void (await Promise.all(started.map((service) => service.stop())));
  const environment: Record<string, string> = {};

  async function rabbitmq() {
    const broker: PrivateRabbitmq = await progress('Starting a private RabbitMQ', startRabbitmq());
    started.push(broker);
    environment['TESTBED_AMQP_URL'] = broker.url;
  }

  async function postgresql() {
    const server: PrivatePostgresql = await progress('Starting a private PostgreSQL', startPostgresql());
    started.push(server);
    environment['TESTBED_POSTGRESQL_URL'] = server.url;
  }

  async function libvirtd() {
    const daemon: PrivateLibvirtd = await progress('Starting a private libvirtd', startLibvirtd());
    started.push(daemon);
    const guests: Promise<Guest>[] = [
      bootGuest(daemon, { name: 'testbed-plain' }),
      bootGuest(daemon, {
        name: 'testbed-double',
        disks: 2,
        nics: [{ filterParameters: { IP: '10.0.0.5' } }, {}],
      }),
    ];
    await progress('Booting two guests', Promise.all(guests));
    environment['TESTBED_LIBVIRT_SOCKET'] = daemon.socket;
    environment['TESTBED_LIBVIRT_SOCKET_RO'] = daemon.socketReadOnly;
    environment['TESTBED_LIBVIRT_DIRECTORY'] = daemon.directory;
  }

  const starters = { rabbitmq, libvirtd, postgresql };
  const results = await Promise.allSettled([...names].map((name) => starters[name]()));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) {
    await stop();
    throw failure.reason;
  }
  return { environment, stop };
}
