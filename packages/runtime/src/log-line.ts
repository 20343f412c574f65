import { escaped } from './printable.js';

/** Maximum length of a log line with its end, in bytes: log collectors cut or drop longer ones. */
const longestLine = 4_096;
const longestKey = 100;
const mostItems = 10;
const mostMembers = 30;
const deepest = 8;
// Minimum length of each remaining member; a character may take six bytes.
const fewest = 150;

const hiding = new Set<(text: string) => string>();

/** Applies a function to all logs of this process, such as one that removes secrets learned meanwhile. */
export function hideInLogs(hide: (text: string) => string): void {
  hiding.add(hide);
}

/** A text without hidden parts, and without characters that affect a terminal. */
export function sayable(text: string): string {
  return escaped(withoutHidden(text));
}

/**
 * A log line in its final form: one JSON object in at most 4 KiB. Parts that are too long are cut, with `…` in their
 * place.
 */
export function logLine(json: string): string {
  const line = sayable(json);
  if (Buffer.byteLength(line) <= longestLine) return line;
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    fields = { level: 'error', msg: json };
  }
  for (let longest = longestLine / 2; longest > 8; longest = Math.floor(longest * 0.75)) {
    const shorter = `${escaped(JSON.stringify(shortened(fields, longest)))}\n`;
    if (Buffer.byteLength(shorter) <= longestLine) return shorter;
  }
  const { level, time, name, component, msg } = fields as Record<string, unknown>;
  return `${escaped(JSON.stringify(shortened({ level, time, name, component, msg }, fewest)))}\n`;
}

function withoutHidden(text: string): string {
  let safe = text;
  for (const hide of hiding) safe = hide(safe);
  return safe;
}

function shortened(value: unknown, longest: number, depth = 0): unknown {
  if (typeof value === 'string') return cut(value, longest);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= deepest) return '…';
  if (Array.isArray(value)) {
    const items = value.slice(0, mostItems).map((item) => shortened(item, longest, depth + 1));
    return value.length > mostItems ? [...items, '…'] : items;
  }
  const members = Object.entries(value).map(([key, item]) => [
    cut(key, longestKey),
    shortened(item, longest, depth + 1),
  ]);
  // The message comes last.
  const kept = members.length > mostMembers ? [...members.slice(0, mostMembers - 1), members.at(-1)!] : members;
  return Object.fromEntries(kept) as unknown;
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest).toWellFormed()}…`;
}
