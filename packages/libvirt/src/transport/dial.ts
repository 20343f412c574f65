import { connect as connectSocket, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { LibvirtUri } from '../uri.js';
import { notAccepted, tcpError, tlsError, unixError } from './connect-errors.js';
import { hostSurroundings, socketPaths } from './socket-path.js';
import { readTlsCredentials, tlsFiles } from './tls-files.js';

const TCP_PORT = 16_509;
const TLS_PORT = 16_514;
/** The first byte libvirtd sends inside TLS after accepting the client certificate. */
const TLS_ACCEPTED = 1;

/** The target of a URI. */
export interface Destination {
  readonly uri: LibvirtUri;
  /** A socket's path, or `host:port`. */
  readonly address: string;
  /** Other sockets that would fit the URI but do not exist. */
  readonly otherSockets: readonly string[];
}

export function destinationOf(uri: LibvirtUri, readOnly: boolean): Destination {
  if (uri.transport !== 'unix') {
    const host = uri.host.includes(':') ? `[${uri.host}]` : uri.host;
    return { uri, address: `${host}:${portOf(uri)}`, otherSockets: [] };
  }
  const [address, ...otherSockets] = socketPaths(uri, readOnly, hostSurroundings());
  return { uri, address: address!, otherSockets };
}

/**
 * Connects the transport; `signal` ends the attempt and leaves no handle.
 *
 * @throws ConnectError
 */
export async function dial(destination: Destination, signal: AbortSignal): Promise<Socket> {
  const { uri, address, otherSockets } = destination;
  switch (uri.transport) {
    case 'unix':
      return connected(connectSocket({ path: address }), 'connect', signal, (error) =>
        unixError(address, otherSockets, uri.driver, error),
      );
    case 'tcp':
      return connected(
        connectSocket({ host: uri.host, port: portOf(uri), noDelay: true }),
        'connect',
        signal,
        (error) => tcpError(address, error, 'listen_tcp'),
      );
    case 'tls': {
      const files = tlsFiles(uri.pkiPath);
      const credentials = await readTlsCredentials(address, files);
      const socket = connectTls({
        host: uri.host,
        port: portOf(uri),
        ...credentials,
        rejectUnauthorized: uri.verify,
      });
      socket.setNoDelay(true);
      await connected(socket, 'secureConnect', signal, (error) => tlsError(address, files, error));
      return accepted(socket, signal, (cause) =>
        notAccepted(address, files, credentials.cert !== undefined, cause),
      );
    }
  }
}

function portOf(uri: LibvirtUri): number {
  return uri.port ?? (uri.transport === 'tls' ? TLS_PORT : TCP_PORT);
}

function connected<S extends Socket>(
  socket: S,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
  explain: (error: NodeJS.ErrnoException) => Error,
): Promise<S> {
  return settled(socket, signal, explain, (resolve) => {
    const onConnect = (): void => resolve(socket);
    socket.once(event, onConnect);
    return () => socket.off(event, onConnect);
  });
}

function accepted(socket: TLSSocket, signal: AbortSignal, refused: (cause: unknown) => Error): Promise<TLSSocket> {
  return settled(socket, signal, refused, (resolve, reject) => {
    const onReadable = (): void => {
      const byte = socket.read(1) as Buffer | null;
      if (byte === null) return;
      if (byte[0] === TLS_ACCEPTED) resolve(socket);
      else reject(refused(undefined));
    };
    socket.on('readable', onReadable);
    return () => socket.off('readable', onReadable);
  });
}

/** Waits for the event of `start`; any other event of the socket destroys it and rejects. */
function settled<S extends Socket>(
  socket: S,
  signal: AbortSignal,
  explain: (error: NodeJS.ErrnoException) => Error,
  start: (resolve: (socket: S) => void, reject: (error: Error) => void) => () => void,
): Promise<S> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      done();
      // Errors of a socket that was given up are irrelevant.
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const onError = (error: Error): void => fail(explain(error));
    const onClose = (): void => fail(explain(new Error('the connection was closed')));
    const onAbort = (): void => fail(signal.reason as Error);
    const stop = start((value) => {
      done();
      resolve(value);
    }, fail);
    function done(): void {
      stop();
      socket.off('error', onError);
      socket.off('close', onClose);
      socket.off('end', onClose);
      signal.removeEventListener('abort', onAbort);
    }
    socket.on('error', onError);
    socket.on('close', onClose);
    socket.on('end', onClose);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  });
}
