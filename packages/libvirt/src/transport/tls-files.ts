import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ConnectError } from '../errors.js';

/** Where the certificates of a client are. */
export interface TlsFiles {
  readonly ca: string;
  readonly crl: string;
  readonly cert: string;
  readonly key: string;
}

/** The contents of those that exist; a client needs no certificate of its own where the daemon asks for none. */
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

/** @throws ConnectError that names the file missing */
export async function readTlsCredentials(address: string, files: TlsFiles): Promise<TlsCredentials> {
  const [ca, crl, cert, key] = await Promise.all([
    read(address, files.ca),
    readIfThere(address, files.crl),
    readIfThere(address, files.cert),
    readIfThere(address, files.key),
  ]);
  if ((cert === undefined) !== (key === undefined)) {
    throw new ConnectError(address, `cannot reach ${address}: of ${files.cert} and ${files.key} only one exists`);
  }
  return { ca, ...(crl && { crl }), ...(cert && { cert }), ...(key && { key }) };
}

function inFolder(folder: string): TlsFiles {
  return {
    ca: join(folder, 'cacert.pem'),
    crl: join(folder, 'cacrl.pem'),
    cert: join(folder, 'clientcert.pem'),
    key: join(folder, 'clientkey.pem'),
  };
}

async function readIfThere(address: string, path: string): Promise<Buffer | undefined> {
  return existsSync(path) ? read(address, path) : undefined;
}

async function read(address: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new ConnectError(
      address,
      `cannot reach ${address} by TLS: ${(error as Error).message}; put the certificates of libvirt's clients there` +
        ' or name their folder with ?pkipath=',
      error,
    );
  }
}
