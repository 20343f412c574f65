export type OpenStackErrorCode =
  | 'OPENSTACK_AUTH'
  | 'OPENSTACK_ENDPOINT'
  | 'OPENSTACK_HTTP'
  | 'OPENSTACK_UNAVAILABLE'
  | 'OPENSTACK_ANSWER'
  | 'OPENSTACK_CONFIG';

/** The request that an error is about. The URL holds no secret. */
export interface RequestContext {
  /** The type in the catalogue, such as `image`. */
  readonly service: string;
  readonly method: string;
  readonly url: string;
  /** The proxy that was used, without its password. */
  readonly proxy?: string | undefined;
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
}

// Nephoscope's programs recognise coded errors by it.
const brand = Symbol.for('nephoscope.error');

/** A failure of a cloud service or of its configuration. Contains no secret. */
export class OpenStackError extends Error {
  readonly code: OpenStackErrorCode;
  readonly service: string | undefined;
  readonly method: string | undefined;
  readonly url: string | undefined;
  /** Status of the service's answer; undefined without one. */
  readonly status: number | undefined;
  /** Finds the request in the service's log. */
  readonly requestId: string | undefined;
  readonly [brand] = true;

  constructor(
    code: OpenStackErrorCode,
    message: string,
    {
      context,
      service = context?.service,
      cause,
    }: {
      readonly context?: RequestContext | undefined;
      readonly service?: string | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(
      context === undefined ? message : `${message} (${describe(context)})`,
      cause === undefined ? {} : { cause },
    );
    this.name = 'OpenStackError';
    this.code = code;
    this.service = service;
    this.method = context?.method;
    this.url = context?.url;
    this.status = context?.status;
    this.requestId = context?.requestId;
  }

  /** The same, or one like it in whose texts nothing is left to hide. */
  redacted(hide: (text: string) => string, cause: unknown): OpenStackError {
    const texts = { message: this.message, stack: this.stack, url: this.url, requestId: this.requestId };
    const safe = Object.fromEntries(
      Object.entries(texts).map(([key, text]) => [key, text === undefined ? undefined : hide(text)]),
    );
    if (cause === this.cause && Object.entries(texts).every(([key, text]) => safe[key] === text)) return this;
    const { code, message, service, method, status } = this;
    const copy = new OpenStackError(code, message, { service, cause });
    return Object.assign(copy, { method, status, ...safe });
  }
}

function describe({ service, method, url, proxy, status, requestId }: RequestContext): string {
  return [
    `${service}: ${method} ${url}`,
    ...(proxy === undefined ? [] : [`through the proxy ${proxy}`]),
    ...(status === undefined ? [] : [`status ${status}`]),
    ...(requestId === undefined ? [] : [`request ${requestId}`]),
  ].join(', ');
}
