import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { ConnectError } from '../errors.js';

/** The paths of a client's certificates. */
export interface TlsFiles {
  readonly ca: string;
  readonly crl: string;
  readonly cert: string;
  readonly key: string;
}

/** The contents of those that exist; a client needs no certificate if the daemon requires none. */
export interface TlsCredentials {
  readonly ca: Buffer;
  readonly crl?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** libvirt's places (virnettlscontext.c): `?pkipath=`, the user's `~/.pki/libvirt`, `/etc/pki`. */
export function tlsFiles(pkiPath: string | undefined): TlsFiles {
  if (pkiPath !== undefined) return inFolder(pkiPath);
  const system: TlsFiles = {
    ca: '/etc/pki/CA/cacert.pem',
    crl: '/etc/pki/CA/cacrl.pem',
    cert: '/etc/pki/libvirt/clientcert.pem',
    key: '/etc/pki/libvirt/private/clientkey.pem',
  };
  if (process.geteuid?.() === 0) return system;
  const user = inFolder(join(homedir(), '.pki', 'libvirt'));
  const pair = existsSync(user.cert) && existsSync(user.key) ? user : system;
  return {
    ca: existsSync(user.ca) ? user.ca : system.ca,
    crl: existsSync(user.crl) ? user.crl : system.crl,
    cert: pair.cert,
    key: pair.key,
  };
}

/** @throws ConnectError that names the file that is missing, unreadable or invalid */
export async function readTlsCredentials(address: string, files: TlsFiles): Promise<TlsCredentials> {
  const refused = (path: string, problem: string, cause?: unknown): ConnectError =>
    new ConnectError(address, `cannot reach ${address} by TLS: ${path}: ${problem}`, cause);
  const read = (path: string): Promise<Buffer | undefined> =>
    readIfThere(path).catch((error: unknown) => {
      throw refused(path, unreadable(error as NodeJS.ErrnoException), error);
    });
  const usable = (path: string, options: SecureContextOptions, otherwise: string): void => {
    try {
      createSecureContext(options);
    } catch (error) {
      throw refused(path, otherwise, error);
    }
  };
  const [ca, crl, cert, key] = await Promise.all([
    read(files.ca),
    read(files.crl),
    read(files.cert),
    read(files.key),
  ]);
  if (ca === undefined) throw refused(files.ca, `there is no such file: ${missingAuthority}`);
  // As an authority anything would do, and nothing would be trusted.
  usable(files.ca, { cert: ca }, 'it is not a certificate in PEM');
  if (crl) usable(files.crl, { crl }, 'it is not a list of revoked certificates in PEM');
  if (cert) usable(files.cert, { cert }, 'it is not a certificate in PEM');
  if (key)
    usable(files.key, { key }, 'it is not a private key in PEM, or it has a passphrase: write it without one');
  if (cert && !key) throw refused(files.key, `there is no such file, but its certificate ${files.cert}`);
  if (key && !cert) throw refused(files.cert, `there is no such file, but its key ${files.key}`);
  if (cert && key) usable(files.key, { cert, key }, `it is not the key of ${files.cert}`);
  return { ca, ...(crl && { crl }), ...(cert && { cert }), ...(key && { key }) };
}

const missingAuthority =
  "put the certificate of the authority of libvirt's hosts there, or name its folder with ?pkipath=";

function inFolder(folder: string): TlsFiles {
  return {
    ca: join(folder, 'cacert.pem'),
    crl: join(folder, 'cacrl.pem'),
    cert: join(folder, 'clientcert.pem'),
    key: join(folder, 'clientkey.pem'),
  };
}

/** Undefined if the file does not exist. In a directory that this user may not read it may exist: that is an error. */
async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function unreadable({ code, message }: NodeJS.ErrnoException): string {
  return code === 'EACCES' ? 'this user may not read it: give it the right to the file and its folders' : message;
}
