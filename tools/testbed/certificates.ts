import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './processes.js';

/** PEM files of an authority made for this and of a server's certificate that it signed. */
export interface Certificates {
  caFile: string;
  certFile: string;
  keyFile: string;
}

/** Makes them in `directory`, for a server that clients reach by these names or addresses (`DNS:localhost`, `IP:127.0.0.1`). */
export async function makeCertificates(directory: string, names: readonly string[]): Promise<Certificates> {
  const file = (name: string) => join(directory, name);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run('openssl', [
    ...['req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=Testbed authority'],
    ...['-keyout', file('ca.key'), '-out', file('ca.crt')],
  ]);
  await run('openssl', [
    ...['req', ...newKey, '-subj', '/CN=testbed', '-keyout', file('server.key'), '-out', file('server.csr')],
  ]);
  await writeFile(file('server.ext'), `subjectAltName=${names.join(',')}\n`);
  await run('openssl', [
    ...['x509', '-req', '-in', file('server.csr'), '-CA', file('ca.crt'), '-CAkey', file('ca.key')],
    ...['-CAcreateserial', '-days', '2', '-extfile', file('server.ext'), '-out', file('server.crt')],
  ]);
  return { caFile: file('ca.crt'), certFile: file('server.crt'), keyFile: file('server.key') };
}
