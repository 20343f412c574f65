const hidden = '[secret]';

/**
 * Fernet tokens, JSON web tokens, passwords in URLs, and what stands behind a name that sounds secret, within JSON in JSON
 * too. Each looks at a character a bounded number of times, whatever the text: it comes from whoever may put a message on
 * the bus.
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

/** Of a delivery no more is looked through: it would hold up others. */
export const maxLookedThroughBytes = 1024 * 1024;

/**
 * What nobody could read, without what looks like somebody's credentials: it may be anything, as a notification that holds
 * the token of who caused it. The same bytes where nothing does.
 */
export function hideCredentials(bytes: Uint8Array): Uint8Array {
  // A character a byte, so that all else stays as it came.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const safe = patterns.reduce((left, [pattern, replaced]) => left.replace(pattern, replaced), text);
  return safe === text ? bytes : Buffer.from(safe, 'latin1');
}
