/** A request that is not answered because of who sent it. Says nothing about what it asked for. */
export class AccessDenied extends Error {
  override readonly name = 'AccessDenied';
  /** 401: nobody known; 403: known, but may not; 429: too often; 503: nobody can tell at the moment. */
  readonly status: 401 | 403 | 429 | 503;
  /** Of the reply, in lower case. */
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
