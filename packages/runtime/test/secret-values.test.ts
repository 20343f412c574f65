import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { exposedKeys } from '../src/secret-values.js';

let folder: string;
let key: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nephoscope-'));
  key = join(folder, 'clientkey.pem');
  await writeFile(key, 'a key');
});
afterAll(() => rm(folder, { recursive: true }));

const naming = () => ({
  bus: { url: 'amqps://broker/', tls: { caFile: key, certFile: key, keyFile: key } },
  storage: { url: `postgresql://user@host/db?sslkey=${encodeURIComponent(key)}` },
  inspector: { uri: `qemu+tls://host/system?pkipath=${folder}` },
});

it.each([
  [0o644, ['read']],
  [0o606, ['read and change']],
  [0o640, []],
  [0o600, []],
])('hides a private key of mode %o that the configuration names', async (mode, may) => {
  await chmod(key, mode);
  const expected = may.map(
    (what) => `every user of this host may ${what} ${key}, a private key: chmod o-rwx ${key}`,
  );
  for (const [section, value] of Object.entries(naming()))
    expect(await exposedKeys({ [section]: value })).toEqual(expected);
  expect(await exposedKeys(naming())).toEqual(expected);
});

it.each([
  ['qemu+tls://host/system', true],
  ['qemu://host/system', true],
  ['xen+tls://[::1]:16514/', true],
  ['qemu:///system', false],
  ['qemu+unix:///system', false],
  ['qemu+tcp://host/system', false],
])('hides the key at its default path if libvirt is reached by TLS: %s', async (uri, isByTls) => {
  await chmod(key, 0o644);
  const told = isByTls ? [expect.stringContaining(`may read ${key}, a private key`)] : [];
  expect(await exposedKeys({ inspector: { uri } }, [join(folder, 'none'), key])).toEqual(told);
  expect(await exposedKeys({ url: 'https://host/' }, [key])).toEqual([]);
});

it('ignores missing files, and paths that are not files', async () => {
  const values = { keyFile: join(folder, 'none'), list: [{ key_file: 7 }, null, 'a://b c'], routingKeyFile: '' };
  expect(await exposedKeys(values)).toEqual([]);
});
