import { readFile, writeFile } from 'node:fs/promises';

import { startLibvirtd } from '../../../tools/testbed/libvirtd.js';
import type { PrivateLibvirtd } from '../../../tools/testbed/libvirtd.js';
import { connect } from '../src/index.js';

let libvirtd: PrivateLibvirtd;
beforeAll(async () => (libvirtd = await startLibvirtd()));
afterAll(() => libvirtd.stop());

it('a daemon with the maximum number of clients is reported, with advice', async () => {
  const uri = `qemu+unix:///system?socket=${encodeURIComponent(libvirtd.socketReadOnly)}`;
  const file = `${libvirtd.directory}/etc/libvirtd.conf`;
  const max = ['max_clients = 2', 'max_anonymous_clients = 2'];
  await writeFile(file, [await readFile(file, 'utf8'), ...max, ''].join('\n'));
  await libvirtd.restart();

  const first = await connect(uri);
  const second = await connect(uri);
  await expect(connect(uri, { connectTimeout: 2_000 })).rejects.toMatchObject({
    code: 'LIBVIRT_CONNECT',
    message: expect.stringMatching(
      /did not answer within 2000 ms: it hangs, or has as many clients as it may have;.*raise max_clients/,
    ) as unknown,
  });
  // A free place is used again.
  await first.close();
  const next = await connect(uri);
  expect(await next.uri()).toBe('qemu:///system');
  await Promise.all([second.close(), next.close()]);
});
