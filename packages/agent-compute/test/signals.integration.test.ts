import { readlinkSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { waitUntil } from '../../../tools/testbed/processes.js';
import { sharedAmqpUrl, sharedLibvirtd } from '../../../tools/testbed/shared.js';
import { endDaemons, messages, newFolder, startDaemon } from './daemon.js';
import type { Daemon } from './daemon.js';

afterAll(() => endDaemons(), 60_000);

const common = () => ({ secrets: ['a secret of the tests'], host: 'signalled', bus: { url: sharedAmqpUrl() } });
const programs: Readonly<Record<string, () => Daemon>> = {
  'the compute agent': () =>
    startDaemon('agent-compute', {
      ...common(),
      inspector: { uri: `qemu+unix:///system?socket=${sharedLibvirtd().socketReadOnly}` },
      compute: { interval: '1h', stateDirectory: join(newFolder(), 'state') },
    }),
  'the central agent': () =>
    startDaemon('agent-central', {
      ...common(),
      // Nothing is reachable, so it is not ready, but it runs.
      openstack: {
        authUrl: 'http://127.0.0.1:1/v3',
        username: 'u',
        userDomainName: 'Default',
        password: 'p',
        projectId: 'service',
      },
      central: { interval: '1h' },
    }),
  'the collector': () =>
    startDaemon('collector', { ...common(), storage: { url: `sqlite:${join(newFolder(), 'samples.db')}` } }),
};

/** Node's debugger listens on a socket. */
const sockets = ({ pid }: Daemon) =>
  readdirSync(`/proc/${pid}/fd`).filter((fd) => linkOf(`/proc/${pid}/fd/${fd}`).startsWith('socket:')).length;

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

const running = (program: Daemon) =>
  waitUntil(
    'it runs',
    async () =>
      messages(program).some((text) => text.endsWith('is running')) &&
      (await program.status('/healthz')).status === 200,
  );

it.each(Object.entries(programs))(
  'the built program %s obeys only SIGTERM and SIGINT, and continues if nobody reads its log',
  async (_, start) => {
    const [program, other] = [start(), start()];
    await Promise.all([running(program), running(other)]);
    const before = sockets(program);
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
      program.kill(signal);
      await waitUntil(`it has met ${signal}`, () =>
        messages(program).some((text) => text.startsWith(`ignored ${signal}: `)),
      );
    }
    expect(sockets(program)).toBeLessThanOrEqual(before + 1);
    expect(program.log.filter(({ msg }) => /debugger/i.test(msg) && !msg.startsWith('ignored'))).toEqual([]);
    program.kill('SIGINT');
    expect(await program.ended).toBe(0);

    other.hangUp();
    for (let times = 0; times < 3; times++) {
      other.kill('SIGHUP');
      expect((await other.status('/healthz')).status).toBe(200);
    }
    other.kill('SIGTERM');
    expect(await other.ended).toBe(0);
  },
  120_000,
);
