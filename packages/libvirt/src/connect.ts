import type { Duplex } from 'node:stream';
import { Connection } from './connection.js';
import { AbortError, ConnectError, isConnectionClosed, UnsupportedAuthError } from './errors.js';
import {
  authList,
  authPolkit,
  AuthType,
  connectOpen,
  connectSupportsFeature,
  FEATURE_KEEPALIVE,
} from './procedures/session.js';
import { RpcClient } from './rpc/client.js';
import { checkKeepalive, type KeepaliveOptions } from './rpc/keepalive.js';
import { checkTimeout, LONGEST_TIMER } from './rpc/timeout.js';
import { destinationOf, dial } from './transport/dial.js';
import { type LibvirtUri, parseUri } from './uri.js';

const CONNECT_TIMEOUT = 10_000;
const CALL_TIMEOUT = 30_000;

// A daemon with the maximum number of clients accepts no others, and the kernel lets them wait; one that was accepted
// nevertheless is disconnected.
const silenceAdvice =
  'it hangs, or has as many clients as it may have; `virt-admin server-clients-info` tells: ' +
  'raise max_clients in libvirtd.conf (or the file of its own daemon), close other connections, or restart it';
const hangUpAdvice =
  'its log says why; with as many clients as it may have (max_clients, max_anonymous_clients in libvirtd.conf) it takes no more';

/** How to connect; times are in milliseconds. */
export interface ConnectOptions {
  /** Use the read-only socket, and have the daemon refuse all changes. Default true. */
  readonly readOnly?: boolean;
  /** For everything until the hypervisor is open. Default 10,000. */
  readonly connectTimeout?: number;
  /** Timeout of calls that have none of their own, ms. Default 30,000. */
  readonly callTimeout?: number;
  /** How a dead daemon is found out; false: not at all. */
  readonly keepalive?: KeepaliveOptions | false;
  /** Ends the attempt to connect; later it has no effect. */
  readonly signal?: AbortSignal;
}

/**
 * Connects to the libvirt daemon that the URI means and opens its hypervisor.
 *
 * @param uri as libvirt spells them, with the transports unix, tcp and tls: `qemu:///system`,
 *   `qemu+unix:///system?socket=/path`, `qemu+tls://host/system`, …
 * @throws UriError, UnsupportedTransportError, ConnectError, UnsupportedAuthError, AbortError, ArgumentError, or
 *   the LibvirtError with which the daemon refused; nothing is left open then
 */
export async function connect(uri: string, options: ConnectOptions = {}): Promise<Connection> {
  const target = parseUri(uri);
  const { readOnly = true, connectTimeout = CONNECT_TIMEOUT, callTimeout = CALL_TIMEOUT } = options;
  checkTimeout(connectTimeout);
  checkTimeout(callTimeout);
  if (options.keepalive) checkKeepalive(options.keepalive);
  const destination = destinationOf(target, readOnly);
  const { address } = destination;
  const attempt = new AbortController();
  const onAbort = (): void => attempt.abort(new AbortError('connect', Promise.resolve(), options.signal?.reason));
  const late = (): void => {
    const silence = `libvirt at ${address} did not answer within ${connectTimeout} ms`;
    attempt.abort(new ConnectError(address, `${silence}: ${silenceAdvice}`));
  };
  const timer = setTimeout(late, Math.min(connectTimeout, LONGEST_TIMER));
  options.signal?.addEventListener('abort', onAbort);
  if (options.signal?.aborted) onAbort();
  try {
    attempt.signal.throwIfAborted();
    const transport = await dial(destination, attempt.signal);
    return await openConnection(transport, target, address, { ...options, readOnly, callTimeout }, attempt.signal);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  }
}

async function openConnection(
  transport: Duplex,
  uri: LibvirtUri,
  address: string,
  options: ConnectOptions & { readOnly: boolean; callTimeout: number },
  signal: AbortSignal,
): Promise<Connection> {
  const rpc = new RpcClient(transport, address, options.callTimeout);
  const call = { signal, timeout: Infinity };
  try {
    await authenticate(rpc, uri, address, call);
    if (options.keepalive !== false) {
      // A daemon that is asked whether it supports keepalive sends requests of its own every 5 s, to detect clients
      // whose machine is gone. A local daemon sees the socket close, and need not wake us.
      const supported =
        uri.transport === 'unix' || (await rpc.call(connectSupportsFeature, FEATURE_KEEPALIVE, call));
      if (supported) rpc.startKeepalive(options.keepalive ?? {});
    }
    await rpc.call(connectOpen, { name: uri.name, readOnly: options.readOnly }, call);
    return new Connection(rpc);
  } catch (error) {
    await rpc.close();
    if (signal.aborted) throw signal.reason;
    if (isConnectionClosed(error)) {
      throw new ConnectError(
        address,
        `libvirt at ${address} hung up before the hypervisor was open: ${error.message}; ${hangUpAdvice}`,
        error,
      );
    }
    throw error;
  }
}

/** The daemon lists the methods it accepts; an empty list, or `none` in it, means no authentication. */
async function authenticate(
  rpc: RpcClient,
  uri: LibvirtUri,
  address: string,
  options: { signal: AbortSignal; timeout: number },
): Promise<void> {
  const offered = await rpc.call(authList, undefined, options);
  if (offered.length === 0 || offered.includes(AuthType.none)) return;
  const wanted = uri.auth === undefined ? offered : offered.filter((type) => authName(type) === uri.auth);
  if (!wanted.includes(AuthType.polkit)) throw new UnsupportedAuthError(address, offered.map(authName));
  await rpc.call(authPolkit, undefined, options);
}

function authName(type: number): string {
  const name = Object.entries(AuthType).find(([, value]) => value === type)?.[0];
  return name ?? `type ${type}`;
}
