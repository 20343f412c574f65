/** Before the second try, ms; each wait is twice the one before, up to the longest. */
const firstWait = 250;
const longestWait = 15_000;

/** Headers of an answer, lower-case. */
type Headers = Readonly<Record<string, string | undefined>>;

/**
 * ms. The pause requested by the service; otherwise growing, and random so that rejected clients do not return
 * together.
 */
export function pauseAfter(attempt: number, headers: Headers): number {
  return askedFor(headers) ?? Math.min(longestWait, firstWait * 2 ** (attempt - 1)) * (0.75 + Math.random() / 2);
}

/**
 * ms, by the header `retry-after`. A time in it is one of the service's clock, which `date` shows: ours may be another.
 */
export function askedFor({ 'retry-after': retryAfter, date }: Headers): number | undefined {
  if (retryAfter === undefined) return undefined;
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1_000;
  const wait = Date.parse(retryAfter) - Date.parse(date ?? '');
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

/** Certificate errors are not retried. */
export function isForGood(error: unknown): boolean {
  return /CERT|ERR_TLS|SIGNATURE|ISSUER/.test(codeOf(error));
}

/** A refused connection to a name with several addresses has no message but those of each. */
export function messageOf(error: unknown): string {
  return (error instanceof Error && error.message) || codeOf(error) || String(error);
}

function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}
