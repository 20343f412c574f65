import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';

/** A port of 127.0.0.1 that leads to a daemon's Unix socket. */
export interface Front {
  readonly port: number;
  close(): Promise<void>;
}

/** The first byte from libvirtd within TLS, once it has accepted the client's certificate. */
export const TLS_ACCEPTED = 1;

export function tcpFront(socketPath: string): Promise<Front> {
  return listen(createServer((socket) => splice(socket, connect(socketPath))));
}

/** Requires a client certificate as libvirtd does, and sends `first` before it forwards the client's data. */
export function tlsFront(socketPath: string, pki: string, first = TLS_ACCEPTED): Promise<Front> {
  const options = {
    ca: readFileSync(join(pki, 'cacert.pem')),
    cert: readFileSync(join(pki, 'servercert.pem')),
    key: readFileSync(join(pki, 'serverkey.pem')),
    requestCert: true,
    rejectUnauthorized: true,
  };
  return listen(
    createTlsServer(options, (socket) => {
      socket.write(Buffer.of(first));
      splice(socket, connect(socketPath));
    }),
  );
}

function splice(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
}

async function listen(server: Server): Promise<Front> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', () => undefined);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as { port: number }).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A folder in the layout of libvirt's `pkipath`, with a CA, and certificates of a server 127.0.0.1 and of a client. */
export function makePki(): string {
  const folder = mkdtempSync(join(tmpdir(), 'libvirt-pki-'));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'cakey.pem',
    '-out',
    'cacert.pem',
    '-days',
    '2',
    '-subj',
    '/CN=Test CA',
  );
  for (const [name, extension] of [
    ['server', 'subjectAltName=IP:127.0.0.1'],
    ['client', 'extendedKeyUsage=clientAuth'],
  ] as const) {
    openssl('req', ...key, '-keyout', `${name}key.pem`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    writeFileSync(join(folder, `${name}.ext`), `${extension}\n`);
    const signedBy = ['-CA', 'cacert.pem', '-CAkey', 'cakey.pem', '-CAcreateserial'];
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...signedBy,
      '-out',
      `${name}cert.pem`,
      '-days',
      '2',
      '-extfile',
      `${name}.ext`,
    );
  }
  return folder;
}
