import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { FakeClock, RecordingLogger } from '@nephoscope/testing';

import { serviceManager } from '../src/service-manager.js';

/** Perl is part of every Debian. Each datagram is printed as a line, with its assignments separated by `|`. */
const receiver = `
  use IO::Socket::UNIX; use Socket; $| = 1;
  my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die $!;
  print "listening\\n";
  while (defined $socket->recv(my $text, 65536)) { $text =~ s/\\n/|/g; print "$text\\n"; }
`;

describe('systemd', () => {
  it('is notified over its datagram socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nephoscope-notify-'));
    const socket = join(folder, 'notify');
    const systemd = spawn('perl', ['-e', receiver, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const lines = createInterface(systemd.stdout)[Symbol.asyncIterator]();
      // The confirmation of a message arrives as a separate message.
      const next = async (): Promise<string> => {
        const { value } = (await lines.next()) as { value: string };
        return value === 'BARRIER=1' ? next() : value;
      };
      expect(await next()).toBe('listening');
      const logger = new RecordingLogger();
      const environment = { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: '60000000' };
      const manager = serviceManager(environment, { clock: new FakeClock(), logger });
      expect(manager?.watchdog).toBe(60_000);
      await manager?.notify('READY=1', 'STATUS=all is well', 'WATCHDOG=1');
      await manager?.notify('STOPPING=1');
      expect((await next()).split('|').filter(Boolean)).toEqual(['READY=1', 'STATUS=all is well', 'WATCHDOG=1']);
      expect((await next()).split('|').filter(Boolean)).toEqual(['STOPPING=1']);
      expect(logger.entries).toEqual([]);
    } finally {
      systemd.kill('SIGKILL');
      await rm(folder, { recursive: true });
    }
  });

  it('is not used without a socket, and watches only the process that it started', () => {
    const tools = { clock: new FakeClock(), logger: new RecordingLogger() };
    expect(serviceManager({}, tools)).toBeUndefined();
    const other = { NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '60000000', WATCHDOG_PID: '1' };
    expect(serviceManager(other, tools)?.watchdog).toBeUndefined();
  });

  it('is logged once a minute if it cannot be notified', async () => {
    const logger = new RecordingLogger();
    const environment = { PATH: '/nonexistent', NOTIFY_SOCKET: '/nonexistent/notify' };
    const manager = serviceManager(environment, { clock: new FakeClock(), logger });
    await manager?.notify('READY=1');
    await manager?.notify('WATCHDOG=1');
    expect(logger.entries.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^systemd cannot be told READY=1: .*ENOENT.*NotifyAccess=all/),
    ]);
  });
});
