import { OpenStackError } from './errors.js';
import type { Logger } from './logger.js';

const hidden = '[secret]';
/**
 * With a service that refuses every token there are many logins; this many tokens are known, as long as they are
 * valid.
 */
const mostTokens = 1_000;
/** What looks like a token: Fernet, JWS, and any long text without a break. */
const tokenForms = [/gAAAA[\w-]{20,}={0,2}/g, /eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}/g, /[\w-]{64,}={0,2}/g];
/** A shorter secret is hidden only in quotations of a service: elsewhere it may be part of any word. */
const shortest = 8;
const deepest = 5;

/** Removes secrets from texts: the configured secret and every unexpired token. */
export class Redaction {
  readonly #own: string;
  /** With the time until which it is valid, ms on the monotonic clock. */
  readonly #tokens = new Map<string, number>();

  constructor(own: string) {
    this.#own = own;
  }

  addToken(token: string, expires: number): void {
    const now = performance.now();
    for (const [old, until] of this.#tokens)
      if (until < now || this.#tokens.size >= mostTokens) this.#tokens.delete(old);
    this.#tokens.set(token, expires);
  }

  /** A text without any secret. */
  hide(text: string): string {
    let safe = text;
    for (const secret of this.#secrets())
      if (secret.length >= shortest) for (const form of formsOf(secret)) safe = safe.replaceAll(form, hidden);
    return safe;
  }

  /** A service's text without secrets and without anything that looks like one. */
  quote(text: string): string {
    let safe = this.hide(text);
    for (const secret of this.#secrets()) if (secret !== '') safe = safe.replaceAll(secret, hidden);
    for (const form of tokenForms) safe = safe.replace(form, hidden);
    return safe;
  }

  /** The same error, or one like it in which nothing is secret. */
  error<E>(error: E, depth = 0): E {
    if (!(error instanceof Error) || depth > deepest) return error;
    const cause = this.error(error.cause, depth + 1);
    const hide = (text: string) => this.hide(text);
    if (error instanceof OpenStackError) return error.redacted(hide, cause) as E & OpenStackError;
    if (cause === error.cause && hide(`${error.message} ${error.stack}`) === `${error.message} ${error.stack}`)
      return error;
    const safe = new Error(hide(error.message), cause === undefined ? {} : { cause });
    const { code } = error as { readonly code?: unknown };
    return Object.assign(safe, {
      stack: hide(error.stack ?? ''),
      ...(typeof code === 'string' && { code: hide(code) }),
    }) as Error & E;
  }

  logger(logger: Logger): Logger {
    const at = (level: keyof Logger) => (fields: Readonly<Record<string, unknown>>, message: string) =>
      logger[level](
        Object.fromEntries(
          Object.entries(fields).map(([key, value]) => [
            key,
            typeof value === 'string' ? this.hide(value) : this.error(value),
          ]),
        ),
        this.hide(message),
      );
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }

  #secrets(): readonly string[] {
    return [this.#own, ...this.#tokens.keys()];
  }
}

/** As it is, in JSON, in a URL and in base64. */
function formsOf(secret: string): ReadonlySet<string> {
  const bytes = Buffer.from(secret);
  return new Set([
    ...[secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)],
    ...[bytes.toString('base64'), bytes.toString('base64url')],
  ]);
}
