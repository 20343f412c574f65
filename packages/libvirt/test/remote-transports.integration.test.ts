import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

const blank = (path: string): void => writeFileSync(path, '');

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

  it('answers if both certificates are valid', async () => {
    front = await tlsFront(socket, pki);
    const connection = await connect(uri(pki));
    expect(await connection.uri()).toBe('qemu:///system');
    await connection.close();
  });

  it('is refused if its certificate has another host, unless no_verify=1', async () => {
    front = await tlsFront(socket, pki);
    const error = await failure(connect(uri(pki, '', 'localhost')));
    expect(error).toBeInstanceOf(ConnectError);
    expect(error.message).toMatch(/its certificate is of another host: name it in the URI .*altnames/);
    const connection = await connect(uri(pki, '&no_verify=1', 'localhost'));
    await connection.close();
  });

  it('is refused if its certificate was signed by another CA', async () => {
    front = await tlsFront(socket, pki);
    const other = makePki();
    try {
      for (const name of ['clientcert.pem', 'clientkey.pem']) copyFileSync(join(pki, name), join(folder, name));
      copyFileSync(join(other, 'cacert.pem'), join(folder, 'cacert.pem'));
      expect(await failure(connect(uri(folder)))).toMatchObject({
        code: 'LIBVIRT_CONNECT',
        message: expect.stringContaining(
          `no authority in ${join(folder, 'cacert.pem')} has signed its certificate`,
        ),
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
    expect(error.message).toContain(
      `did not accept a client without a certificate: put one there as ${join(folder, 'clientcert.pem')}`,
    );
  });

  it('is distinguished from a server without TLS', async () => {
    front = await tcpFront(socket);
    expect((await failure(connect(uri(pki)))).message).toMatch(
      /cannot connect to libvirt at 127\.0\.0\.1:\d+: .*TLS/,
    );
  });

  const all = ['cacert.pem', 'clientcert.pem', 'clientkey.pem'];
  it.each<[what: string, file: string, spoil: (path: string) => void, says: string]>([
    ['no authority', 'cacert.pem', rmSync, 'there is no such file: put the certificate of the authority'],
    ['an authority that is not a certificate', 'cacert.pem', blank, 'it is not a certificate in PEM'],
    ['no key', 'clientkey.pem', rmSync, 'there is no such file, but its certificate'],
    ['no certificate', 'clientcert.pem', rmSync, 'there is no such file, but its key'],
    ['an invalid certificate', 'clientcert.pem', blank, 'it is not a certificate in PEM'],
    ['an invalid key', 'clientkey.pem', blank, 'it is not a private key in PEM'],
    [
      'another key',
      'clientkey.pem',
      (path) => copyFileSync(join(pki, 'serverkey.pem'), path),
      'it is not the key of',
    ],
    ['an invalid list of revoked certificates', 'cacrl.pem', blank, 'it is not a list of revoked certificates'],
    ['a folder', 'clientkey.pem', (path) => (rmSync(path), mkdirSync(path)), 'EISDIR'],
  ])('an error names the file: %s', async (_, file, spoil, says) => {
    front = await tcpFront(socket);
    for (const name of all) copyFileSync(join(pki, name), join(folder, name));
    spoil(join(folder, file));
    expect(await failure(connect(uri(folder)))).toMatchObject({
      code: 'LIBVIRT_CONNECT',
      message: expect.stringContaining(`by TLS: ${join(folder, file)}: ${says}`),
    });
  });

  it.each([
    ['a key', 'clientkey.pem', 'clientkey.pem'],
    ['a folder', '.', 'cacert.pem'],
  ])('an error names a file that the user may not read: %s', async (_, closed, file) => {
    front = await tcpFront(socket);
    for (const name of all) copyFileSync(join(pki, name), join(folder, name));
    chmodSync(folder, 0o755);
    for (const name of all) chmodSync(join(folder, name), 0o644);
    chmodSync(join(folder, closed), 0o600);
    process.seteuid!(65_534);
    const error = await failure(connect(uri(folder))).finally(() => process.seteuid!(0));
    expect(error.message).toContain(`by TLS: ${join(folder, file)}: this user may not read it`);
  });

  it('refuses a client by any answer other than acceptance', async () => {
    front = await tlsFront(socket, pki, 0);
    expect((await failure(connect(uri(pki)))).message).toContain("did not accept this client's certificate");
  });
});
