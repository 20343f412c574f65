import { JsonNumber, isJsonObject } from '@nephoscope/message';
import type { JsonObject, JsonValue } from '@nephoscope/message';

// XML as WSME wrote it for Ceilometer: https://docs.openstack.org/wsme/latest/protocols.html#rest-xml. An array has an element
// `item` for each of its items, null is the attribute `nil`, and a dictionary has items with `key` and `value`.

/** Members that are dictionaries: their keys are data, not element names. */
export const dictionaries: ReadonlySet<string> = new Set([
  ...['metadata', 'resource_metadata', 'groupby', 'aggregate', 'data'],
  ...['api', 'storage'],
]);

/** Members that were floats, and the dictionary whose values were: integers are written with a fraction. */
const floats: ReadonlySet<string> = new Set([
  ...['counter_volume', 'volume', 'min', 'max', 'avg', 'sum', 'duration', 'aggregate'],
]);

/** An element with this name. Names of members must be valid XML names. */
export function xmlElement(name: string, value: JsonValue, isFloat = floats.has(name)): string {
  if (value === null) return `<${name} nil="true" />`;
  if (typeof value === 'string') return wrapped(name, xmlText(value));
  if (typeof value === 'boolean') return wrapped(name, String(value));
  if (value instanceof JsonNumber) return wrapped(name, isFloat ? floatText(value.text) : value.text);
  if (!isJsonObject(value)) return wrapped(name, value.map((item) => xmlElement('item', item)).join(''));
  return wrapped(name, dictionaries.has(name) ? entries(value, isFloat) : members(value));
}

function members(object: JsonObject): string {
  return Array.from(object, ([key, value]) => xmlElement(key, value)).join('');
}

function entries(object: JsonObject, isFloat: boolean): string {
  return Array.from(
    object,
    ([key, value]) => `<item>${xmlElement('key', key)}${xmlElement('value', value, isFloat)}</item>`,
  ).join('');
}

function wrapped(name: string, content: string): string {
  return content === '' ? `<${name} />` : `<${name}>${content}</${name}>`;
}

/** With all digits; an integer is written as Python prints a float. */
function floatText(text: string): string {
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };

/** Characters that XML cannot represent are replaced by U+FFFD. */
export function xmlText(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u0020-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replaceAll(/[&<>\r]/g, (character) => escapes[character] ?? '');
}
