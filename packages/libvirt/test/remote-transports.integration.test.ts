import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sharedLibvirtd } from '../../../tools/testbed/shared.js';
import { connect, ConnectError } from '../src/index.js';
import { type Front, makePki, tcpFront, tlsFront } from './remote-transports.js';

const { socket } = sharedLibvirtd();
let front: Front;
afterEach(() => front.close());

const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: Error) => error,
  );

describe('a libvirtd over TCP', () => {
  it('answers', async () => {
    front = await tcpFront(socket);
    const connection = await connect(`test+tcp://127.0.0.1:${front.port}/default`);
    expect(await connection.uri()).toBe('test:///default');
    expect(await connection.lookupDomainByName('test')).toMatchObject({ name: 'test' });
    await connection.close();
  });

  it('that goes away ends the connection', async () => {
    front = await tcpFront(socket);
    const connection = await connect(`test+tcp://127.0.0.1:${front.port}/default`);
    await front.close();
    expect(await connection.closed).toMatchObject({ code: 'LIBVIRT_CONNECTION_CLOSED' });
  });
});

describe('a libvirtd over TLS', () => {
  let pki: string;
  let folder: string;
  beforeAll(() => {
    pki = makePki();
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'libvirt-pki-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  afterAll(() => rmSync(pki, { recursive: true }));

  const uri = (pkiPath: string, more = '', host = '127.0.0.1') =>
    `qemu+tls://${host}:${front.port}/system?pkipath=${encodeURIComponent(pkiPath)}${more}`;

  it('answers when both certificates are good', async () => {
    front = await tlsFront(socket, pki);
    const connection = await connect(uri(pki));
    expect(await connection.uri()).toBe('qemu:///system');
    await connection.close();
  });

  it('is refused when it is not the host of its certificate, unless no_verify=1', async () => {
    front = await tlsFront(socket, pki);
    const error = await failure(connect(uri(pki, '', 'localhost')));
    expect(error).toBeInstanceOf(ConnectError);
    expect(error.message).toContain('altnames');
    const connection = await connect(uri(pki, '&no_verify=1', 'localhost'));
    await connection.close();
  });

  it('is refused when another CA signed its certificate', async () => {
    front = await tlsFront(socket, pki);
    const other = makePki();
    try {
      for (const name of ['clientcert.pem', 'clientkey.pem']) copyFileSync(join(pki, name), join(folder, name));
      copyFileSync(join(other, 'cacert.pem'), join(folder, 'cacert.pem'));
      expect(await failure(connect(uri(folder)))).toMatchObject({
        code: 'LIBVIRT_CONNECT',
        cause: { code: expect.stringMatching(/CERT|SIGNATURE/) },
      });
    } finally {
      rmSync(other, { recursive: true });
    }
  });

  it('refuses a client without a certificate', async () => {
    front = await tlsFront(socket, pki);
    copyFileSync(join(pki, 'cacert.pem'), join(folder, 'cacert.pem'));
    const error = await failure(connect(uri(folder)));
    expect(error).toBeInstanceOf(ConnectError);
    expect(error.message).toContain("did not accept this client's certificate");
  });

  it('refuses a client by saying anything but its yes', async () => {
    front = await tlsFront(socket, pki, 0);
    expect((await failure(connect(uri(pki)))).message).toContain("did not accept this client's certificate");
  });
});
