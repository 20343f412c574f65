/** A request that is refused because of its sender. It reveals nothing about what was requested. */
export class AccessDenied extends Error {
  override readonly name = 'AccessDenied';
  /** 401: not authenticated; 403: authenticated, but not permitted; 429: too many requests; 503: cannot be checked at the moment. */
  readonly status: 401 | 403 | 429 | 503;
  /** Headers of the reply, in lower case. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: AccessDenied['status'],
    message: string,
    headers: AccessDenied['headers'] = {},
    options: ErrorOptions = {},
  ) {
    super(message, options);
    this.status = status;
    this.headers = headers;
  }
}
