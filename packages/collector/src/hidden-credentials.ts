const hidden = '[secret]';

/**
 * Fernet tokens, JSON web tokens, passwords in URLs, and values of secret-sounding names, also in JSON within JSON.
 * Each pattern examines a character a bounded number of times, whatever the text, because anyone on the bus may send
 * it.
 */
const patterns: readonly (readonly [RegExp, (found: string, kept?: string) => string])[] = [
  [/gAAAA[\w=-]{16,}/g, () => hidden],
  [
    /(?<![\w-])[\w-]{11,}\.[\w-]{8,}(?:\.[\w-]*)?/g,
    (found) => (found.slice(0, found.indexOf('.')).includes('eyJ') ? hidden : found),
  ],
  [/(:\/\/[^/\s:@"]*:)[^/\s@"]+(?=@)/g, (_, kept) => `${kept}${hidden}`],
  [
    /((?:token|secret|passw(?:or)?d|credentials?|api_?key|authorization|cookie)\w{0,20}\\{0,3}["']\s{0,5}[:=]\s{0,5}\\{0,3}["'])(?:[^"'\\]|\\+[^"'\\])+/gi,
    (_, kept) => `${kept}${hidden}`,
  ],
];

/** No more than this is searched in a delivery, because it would delay others. */
export const maxLookedThroughBytes = 1024 * 1024;

/**
 * Unreadable content without what looks like credentials: it may be anything, such as a notification with its user's
 * token. Returns the same bytes if there are none.
 */
export function hideCredentials(bytes: Uint8Array): Uint8Array {
  // One character per byte, so that everything else stays unchanged.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const safe = patterns.reduce((left, [pattern, replaced]) => left.replace(pattern, replaced), text);
  return safe === text ? bytes : Buffer.from(safe, 'latin1');
}
