import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { FrameLink } from '../../../tools/testbed/frame-link.js';
import { waitUntil } from '../../../tools/testbed/processes.js';
import { sharedAmqpUrl, sharedLibvirtd } from '../../../tools/testbed/shared.js';
import { endDaemons, messages, newFolder, startDaemon } from './daemon.js';
import type { Daemon } from './daemon.js';

afterAll(() => endDaemons(), 60_000);

const started = (url: string) =>
  startDaemon('agent-compute', {
    secrets: ['a secret of the tests'],
    host: 'stopping',
    bus: { url },
    inspector: { uri: `test+unix:///default?socket=${sharedLibvirtd().socketReadOnly}` },
    compute: { interval: '1s', stateDirectory: join(newFolder(), 'state') },
  });

async function stops(agent: Daemon): Promise<void> {
  const { code, seconds } = await agent.stop();
  expect(code).toBe(0);
  expect(seconds).toBeLessThan(10);
}

const cycles = (agent: Daemon) => messages(agent).filter((text) => text === 'cycle done').length;

describe('a compute agent ends with code 0 within 10 s', () => {
  it('while the broker does not respond from the beginning', async () => {
    const silent = createServer((client) => client.resume()).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const agent = started(`amqp://guest:guest@127.0.0.1:${(silent.address() as AddressInfo).port}`);
    await waitUntil('it has read', () => cycles(agent) > 0);
    await stops(agent);
    silent.close();
  }, 60_000);

  it('while the broker stops responding during publishing', async () => {
    const url = new URL(sharedAmqpUrl());
    const link = await FrameLink.open(Number(url.port));
    try {
      url.port = String(link.port);
      const agent = started(url.href);
      await waitUntil('it works', async () => (await agent.status('/readyz')).status === 200);
      let isSilent = false;
      link.cutAt(link.frames + 1, 'silent', () => (isSilent = true));
      await waitUntil('it is silent', () => isSilent);
      await stops(agent);
    } finally {
      await link.close();
    }
  }, 60_000);
});
