const brand = Symbol.for('nephoscope.libvirt.error');

/** The kind of an error, for programs: a code never changes its meaning. */
export type LibvirtErrorCode =
  | 'LIBVIRT_REMOTE'
  | 'LIBVIRT_TIMEOUT'
  | 'LIBVIRT_ABORTED'
  | 'LIBVIRT_CONNECT'
  | 'LIBVIRT_CONNECTION_CLOSED'
  | 'LIBVIRT_FRAMING'
  | 'LIBVIRT_KEEPALIVE'
  | 'LIBVIRT_URI'
  | 'LIBVIRT_UNSUPPORTED_TRANSPORT'
  | 'LIBVIRT_UNSUPPORTED_AUTH'
  | 'LIBVIRT_ARGUMENT';

/** The base of every error that this package throws. */
export class LibvirtClientError extends Error {
  readonly code: LibvirtErrorCode;

  constructor(code: LibvirtErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    Object.defineProperty(this, brand, { value: true });
  }

  override get name(): string {
    return this.constructor.name;
  }
}

/** The daemon answered with an error. `libvirtCode` is a `VIR_ERR_*`, `libvirtDomain` a `VIR_FROM_*`. */
export class LibvirtError extends LibvirtClientError {
  readonly libvirtCode: number;
  readonly libvirtDomain: number;
  /** `virErrorLevel`: 1 warning, 2 error. */
  readonly level: number;
  /** The call that failed, e.g. `domain_get_info`. */
  readonly procedure: string;

  constructor(
    procedure: string,
    remote: { libvirtCode: number; libvirtDomain: number; level: number; message: string },
  ) {
    super('LIBVIRT_REMOTE', remote.message);
    this.procedure = procedure;
    this.libvirtCode = remote.libvirtCode;
    this.libvirtDomain = remote.libvirtDomain;
    this.level = remote.level;
  }
}

/** A call abandoned before its answer arrived. The daemon still works on it, and its request slot is occupied. */
export class AbandonedCallError extends LibvirtClientError {
  /** Resolves when the answer arrives after all, or the connection closes: the daemon's slot is free. */
  readonly late: Promise<void>;
  readonly procedure: string;

  constructor(
    code: LibvirtErrorCode,
    message: string,
    details: { procedure: string; late: Promise<void>; cause?: unknown },
  ) {
    super(code, message, details.cause === undefined ? undefined : { cause: details.cause });
    this.procedure = details.procedure;
    this.late = details.late;
  }
}

/** A call's deadline passed. */
export class TimeoutError extends AbandonedCallError {
  constructor(procedure: string, timeout: number, late: Promise<void>) {
    super('LIBVIRT_TIMEOUT', `libvirt did not answer ${procedure} within ${timeout} ms`, { procedure, late });
  }
}

/** A call's signal was aborted; `cause` is the signal's reason. */
export class AbortError extends AbandonedCallError {
  constructor(procedure: string, late: Promise<void>, cause: unknown) {
    super('LIBVIRT_ABORTED', `${procedure} was aborted`, { procedure, late, cause });
  }
}

/** The connection could not be made; the message names the address tried and what to do. */
export class ConnectError extends LibvirtClientError {
  /** A socket's path, or `host:port`. */
  readonly address: string;

  constructor(address: string, message: string, cause?: unknown) {
    super('LIBVIRT_CONNECT', message, cause === undefined ? undefined : { cause });
    this.address = address;
  }
}

/** The connection ended before the call's answer arrived; `cause` is the reason. */
export class ConnectionClosedError extends LibvirtClientError {
  constructor(message: string, cause?: unknown) {
    super('LIBVIRT_CONNECTION_CLOSED', message, cause === undefined ? undefined : { cause });
  }
}

/** The peer's data are not libvirt's protocol; the connection is closed, because its position is lost. */
export class FramingError extends LibvirtClientError {
  constructor(message: string, cause?: unknown) {
    super('LIBVIRT_FRAMING', message, cause === undefined ? undefined : { cause });
  }
}

/** The peer did not answer keepalive requests. */
export class KeepaliveError extends LibvirtClientError {
  constructor(message: string) {
    super('LIBVIRT_KEEPALIVE', message);
  }
}

/** The URI cannot be understood. */
export class UriError extends LibvirtClientError {
  readonly uri: string;

  constructor(uri: string, problem: string) {
    const shown = withoutPassword(uri);
    super('LIBVIRT_URI', `libvirt URI ${JSON.stringify(shown)}: ${problem}`);
    this.uri = shown;
  }
}

/** A URI without credentials: libvirt accepts no password in it, but one may have been written anyway. */
export function withoutPassword(uri: string): string {
  return uri.replace(/^([^/?#]*:\/\/[^/?#:@]*):.*@/s, '$1:***@');
}

/** The URI names a transport of libvirt that this client does not support. */
export class UnsupportedTransportError extends LibvirtClientError {
  readonly transport: string;

  constructor(uri: string, transport: string) {
    super(
      'LIBVIRT_UNSUPPORTED_TRANSPORT',
      `libvirt URI ${JSON.stringify(withoutPassword(uri))}: transport "${transport}" is not supported; use unix, tcp or tls` +
        ' (an ssh tunnel to the socket works with ?socket=)',
    );
    this.transport = transport;
  }
}

/** The daemon wants an authentication that this client does not speak. */
export class UnsupportedAuthError extends LibvirtClientError {
  /** The mechanisms that the daemon offers, e.g. `sasl`. */
  readonly mechanisms: readonly string[];

  constructor(address: string, mechanisms: readonly string[]) {
    super(
      'LIBVIRT_UNSUPPORTED_AUTH',
      `libvirtd at ${address} asks for authentication by ${mechanisms.join(' or ')};` +
        ' this client has none and polkit only: use its read-only socket, or TLS with a client certificate' +
        ' (auth_unix_ro, auth_tls in libvirtd.conf)',
    );
    this.mechanisms = mechanisms;
  }
}

/** An argument that the protocol cannot carry; nothing was sent. */
export class ArgumentError extends LibvirtClientError {
  constructor(message: string) {
    super('LIBVIRT_ARGUMENT', message);
  }
}

/** Whether this package made the error, also when two copies of it are installed. */
export function isLibvirtClientError(error: unknown): error is LibvirtClientError {
  return typeof error === 'object' && error !== null && brand in error;
}

/** Whether the daemon itself answered with an error. */
export function isLibvirtError(error: unknown): error is LibvirtError {
  return isLibvirtClientError(error) && error.code === 'LIBVIRT_REMOTE';
}

/** Whether the call was given up (deadline or signal) and may still occupy the daemon. */
export function isAbandonedCall(error: unknown): error is AbandonedCallError {
  return isLibvirtClientError(error) && (error.code === 'LIBVIRT_TIMEOUT' || error.code === 'LIBVIRT_ABORTED');
}

/** Whether the call failed because the connection was lost: connect again. */
export function isConnectionClosed(error: unknown): error is ConnectionClosedError {
  return isLibvirtClientError(error) && error.code === 'LIBVIRT_CONNECTION_CLOSED';
}

/** The `VIR_ERR_*` of libvirt/virterror.h that a reader of figures must distinguish. */
export const LibvirtErrorNumber = {
  noSupport: 3,
  operationDenied: 29,
  rpc: 39,
  noDomain: 42,
  authFailed: 45,
  operationInvalid: 55,
  configUnsupported: 67,
  operationTimeout: 68,
  argumentUnsupported: 74,
  authCancelled: 79,
  operationUnsupported: 84,
  resourceBusy: 87,
  accessDenied: 88,
  authUnavailable: 94,
} as const;

const unsupported = new Set<number>([
  LibvirtErrorNumber.noSupport,
  LibvirtErrorNumber.configUnsupported,
  LibvirtErrorNumber.argumentUnsupported,
  LibvirtErrorNumber.operationUnsupported,
]);

/** The domain does not exist, or no longer. */
export function isNoDomain(error: unknown): error is LibvirtError {
  return isLibvirtError(error) && error.libvirtCode === LibvirtErrorNumber.noDomain;
}

/** The hypervisor's driver does not have the call, or not for this argument. */
export function isUnsupported(error: unknown): error is LibvirtError {
  return isLibvirtError(error) && unsupported.has(error.libvirtCode);
}

/** The domain's state does not allow the call, e.g. it is shut off. */
export function isOperationInvalid(error: unknown): error is LibvirtError {
  return isLibvirtError(error) && error.libvirtCode === LibvirtErrorNumber.operationInvalid;
}
