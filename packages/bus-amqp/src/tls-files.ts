import { readFile } from 'node:fs/promises';

import { PermanentError } from '@nephoscope/core';

import type { BusOptions } from './options.js';

/**
 * The certificates and the key named in the options, read now, so that renewed ones need no restart.
 *
 * @throws BUS_TLS
 */
export async function readTlsFiles({ caFile, certFile, keyFile }: BusOptions['tls']): Promise<{
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}> {
  const [ca, cert, key] = await Promise.all([read(caFile), read(certFile), read(keyFile)]);
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

async function read(file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file);
  } catch (error) {
    throw new PermanentError('BUS_TLS', `cannot read ${file}, named in the bus's TLS options`, { cause: error });
  }
}
