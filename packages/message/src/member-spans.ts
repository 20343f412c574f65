const quote = 0x22;
const backslash = 0x5c;

export interface MemberSpan {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/**
 * Where the values of these members of the outermost object stand in its JSON text, in the order of the text. A value
 * itself, with every digit and blank as received, is the slice between. The text was parsed before; of one that is not JSON
 * only this is promised: spans in order, and none beyond its end.
 */
export function memberSpans(text: string, keys: readonly string[]): readonly MemberSpan[] {
  const spans: MemberSpan[] = [];
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote: {
        const end = stringEnd(text, at);
        const value = depth === 1 ? afterColon(text, end) : null;
        // No colon: the text was a value and no key.
        if (value === null) {
          at = end - 1;
          break;
        }
        const behind = valueEnd(text, value);
        const key = text.slice(at + 1, end - 1);
        if (keys.includes(key) && !spans.some((span) => span.key === key))
          spans.push({ key, start: value, end: behind });
        // Nothing in the value is a member of the outermost object.
        at = Math.max(behind, end) - 1;
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
  return spans;
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
