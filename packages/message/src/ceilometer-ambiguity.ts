import { exactNumber } from './canonical-form.js';
import { printedNumber } from './ceilometer-form.js';
import { JsonNumber, isJsonObject } from './json.js';
import type { JsonObject, JsonValue } from './json.js';

// Ceilometer signs a text without separators between keys and values. The text signed for one message can therefore
// be divided into others, in which for example the project has become the end of a message id, and the signature
// still holds. The division is unique, outside of the metadata, if every member is known and no value contains the
// name of a member. Each name then occurs in the text only at its own place.

/** Members of Ceilometer's messages, of 2012 and today. */
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
/**
 * Members of our agents' messages, if they are configured to sign in this form: both or none, and with them the other
 * two.
 */
const ours = ['publisher_id', 'signature_form'];
const oursOptional = ['epoch', 'sequence'];

const ofCeilometer = new Set([...required, ...optional, 'message_signature']);
const all = new Set([...ofCeilometer, ...ours, ...oursOptional]);
/**
 * Names that no value contains unless it was forged. The others are ordinary words, such as `source`, which occurs in
 * `resource`.
 */
const names = [...all].filter((name) => name.includes('_'));
/** Members whose values users choose. */
const freeText = ['project_name', 'user_name'];

/**
 * Why a message with a valid signature in Ceilometer's form may differ from the one that was signed; undefined if
 * everything outside its metadata is what was signed. Within the metadata, the form does not distinguish a key from
 * its value, nor a text from a number that looks like it.
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
  // null is written like this.
  if (value === 'None' && !freeText.includes(name)) return "is the text 'None'";
  const other = names.find((one) => value.includes(one));
  if (other !== undefined) return `holds the name of the member ${other}`;
  return name === 'source' && value.includes('source') ? 'holds the name of the member source' : undefined;
}

/** The signed text has the number as a double, which may have fewer digits than the message. */
function ofNumber({ text }: JsonNumber): string | undefined {
  const printed = printedNumber(text);
  return printed.endsWith('inf') || exactNumber(printed) !== exactNumber(text)
    ? 'is a number that this form of signature does not cover digit by digit'
    : undefined;
}

function ofMetadata(value: JsonValue, message: JsonObject): string | undefined {
  if (!isJsonObject(value)) return 'is not an object';
  // In the signed text of our agents, what follows it may be the end of its last value.
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
