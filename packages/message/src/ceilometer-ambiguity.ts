import { exactNumber } from './canonical-form.js';
import { printedNumber } from './ceilometer-form.js';
import { JsonNumber, isJsonObject } from './json.js';
import type { JsonObject, JsonValue } from './json.js';

// Nothing stands between keys and values in what Ceilometer signs, so the text that was signed for one message can be
// cut into others: a project that becomes the end of a message id is gone, and the signature holds. It can be cut in one way
// only, outside of the metadata, where every member is known and none of their values has the name of a member in it.
// Then the only place of a name in the text is its own.

/** Of Ceilometer's messages, of 2012 and today. */
const required = [
  'counter_name',
  'counter_type',
  'counter_volume',
  'message_id',
  'project_id',
  'resource_id',
  'resource_metadata',
  'source',
  'timestamp',
  'user_id',
];
const optional = ['counter_unit', 'monotonic_time', 'project_name', 'user_name'];
/** Of our agents, which sign in this form where they are told to: both or none, and with them the other two. */
const ours = ['publisher_id', 'signature_form'];
const oursOptional = ['epoch', 'sequence'];

const ofCeilometer = new Set([...required, ...optional, 'message_signature']);
const all = new Set([...ofCeilometer, ...ours, ...oursOptional]);
/** Names that no value has but one that is made for it. The others, such as `source` in `resource`, are words. */
const names = [...all].filter((name) => name.includes('_'));
/** These are chosen by people. */
const freeText = ['project_name', 'user_name'];

/**
 * Why a message whose signature in Ceilometer's form holds may be another one than was signed; undefined when all that
 * stands outside of its metadata is what was signed. Within the metadata the form cannot tell a key from its value, nor a
 * text from a number that looks like it.
 */
export function ceilometerAmbiguity(message: JsonObject): string | undefined {
  const isOurs = ours.every((name) => message.has(name));
  const known = isOurs ? all : ofCeilometer;
  for (const name of message.keys())
    if (!known.has(name))
      return `it has the member '${name.slice(0, 60)}', which is unknown in this form of signature`;
  for (const name of required) if (!message.has(name)) return `its ${name} is missing`;
  for (const [name, value] of message) {
    const found = name === 'resource_metadata' ? ofMetadata(value, message) : ofMember(name, value);
    if (found !== undefined) return `its ${name} ${found}`;
  }
  return undefined;
}

function ofMember(name: string, value: JsonValue): string | undefined {
  if (name === 'message_signature') return undefined;
  if (value instanceof JsonNumber) return ofNumber(value);
  if (value === null) return ours.includes(name) || name === 'epoch' || name === 'source' ? 'is null' : undefined;
  if (typeof value !== 'string') return 'is neither text nor number';
  if (name === 'monotonic_time' || name === 'sequence') return 'is not a number';
  // As null is printed.
  if (value === 'None' && !freeText.includes(name)) return "is the text 'None'";
  const other = names.find((one) => value.includes(one));
  if (other !== undefined) return `holds the name of the member ${other}`;
  return name === 'source' && value.includes('source') ? 'holds the name of the member source' : undefined;
}

/** It is printed as a double, and its text may say more. */
function ofNumber({ text }: JsonNumber): string | undefined {
  const printed = printedNumber(text);
  return printed.endsWith('inf') || exactNumber(printed) !== exactNumber(text)
    ? 'is a number that this form of signature does not cover digit by digit'
    : undefined;
}

function ofMetadata(value: JsonValue, message: JsonObject): string | undefined {
  if (!isJsonObject(value)) return 'is not an object';
  // What stands behind it in the signed text of our agents may be the end of its last value.
  const mayHoldNumber = message.has('signature_form') && !message.has('sequence');
  return ofLeaf(value, mayHoldNumber);
}

function ofLeaf(value: JsonValue, mayHoldNumber: boolean): string | undefined {
  if (value instanceof JsonNumber) return ofNumber(value);
  if (typeof value === 'string')
    return mayHoldNumber && /sequence\d*$/.test(value) ? 'holds the name of the member sequence' : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  const items = isJsonObject(value) ? [...value.entries()].flat() : (value as readonly JsonValue[]);
  for (const item of items) {
    const found = ofLeaf(item as JsonValue, mayHoldNumber);
    if (found !== undefined) return found;
  }
  return undefined;
}
