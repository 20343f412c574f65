import { canonicalForm } from './canonical-form.js';
import { formatJson, isJsonObject, parseJson } from './json.js';
import type { JsonValue } from './json.js';

/**
 * Members that are not content: the signature, and a time from which Ceilometer's agents measure intervals, and which
 * its notification agent omits when it publishes a sample again.
 */
const besideContent = ['message_signature', 'signature_form', 'signature_key', 'monotonic_time'];
/** Maximum length of a value in a sentence, in characters. */
const longest = 60;

/**
 * The difference between two metering messages, in words: `counter_volume is 7 and not 5`. Undefined if they mean the
 * same, however they are written and signed.
 *
 * @param one,other their JSON texts; "is" refers to the first
 * @param members the members to compare; by default all
 * @throws JSON_INVALID for what is not JSON
 */
export function contentDifference(one: string, other: string, members?: readonly string[]): string | undefined {
  if (one === other) return undefined;
  const [left, right] = [membersOf(one), membersOf(other)];
  const keys = members ?? [...new Set([...left.keys(), ...right.keys()])];
  const different = keys.filter(
    (key) => !besideContent.includes(key) && meaningOf(key, left.get(key)) !== meaningOf(key, right.get(key)),
  );
  if (different.length === 0) return undefined;
  return different
    .map((key) => `${shown(key)} is ${text(left.get(key))} and not ${text(right.get(key))}`)
    .join(', ');
}

function membersOf(json: string): ReadonlyMap<string, JsonValue> {
  const value = parseJson(json);
  return isJsonObject(value) ? value : new Map();
}

function meaningOf(key: string, value: JsonValue | undefined): string | undefined {
  return value === undefined ? undefined : canonicalForm.field(key, value);
}

function text(value: JsonValue | undefined): string {
  return value === undefined ? 'missing' : shown(formatJson(value));
}

const shown = (of: string) => (of.length > longest ? `${of.slice(0, longest)}…` : of);
