const key = '"resource_metadata"';
const quote = 0x22;
const backslash = 0x5c;

/**
 * Where the value of `resource_metadata` of a message stands in its JSON text: start and end, or null when
 * the message has none. The value itself, with every digit and blank as received, is the slice between.
 * The text was parsed before; of one that is no JSON only this is promised: no wrong place beyond its end.
 */
export function metadataSpan(text: string): readonly [start: number, end: number] | null {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote: {
        const end = stringEnd(text, at);
        if (depth === 1 && end - at === key.length && text.startsWith(key, at)) {
          const value = afterColon(text, end);
          // No colon: the text was a value and no key.
          if (value !== null) return [value, valueEnd(text, value)];
        }
        at = end - 1;
        break;
      }
      case 0x7b: // {
      case 0x5b: // [
        depth++;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        break;
      default:
    }
  }
  return null;
}

/** After the closing quote of the string that begins at `start`. */
function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end + 1;
  }
  return text.length;
}

const colon = /[ \t\r\n]*:[ \t\r\n]*/y;

function afterColon(text: string, at: number): number | null {
  colon.lastIndex = at;
  return colon.test(text) ? colon.lastIndex : null;
}

const scalar = /[^,}\]\s]*/y;

function valueEnd(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === quote) return stringEnd(text, start);
  if (first !== 0x7b && first !== 0x5b) {
    scalar.lastIndex = start;
    scalar.test(text);
    return scalar.lastIndex;
  }
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = stringEnd(text, at) - 1;
    else if (code === 0x7b || code === 0x5b) depth++;
    else if ((code === 0x7d || code === 0x5d) && --depth === 0) return at + 1;
  }
  return text.length;
}
