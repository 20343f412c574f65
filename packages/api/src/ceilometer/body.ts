import { describeError } from '@nephoscope/core';
import { parseJson } from '@nephoscope/message';
import type { JsonValue } from '@nephoscope/message';
import { SaxesParser } from 'saxes';

import { badRequest } from './fault.js';
import { dictionaries } from './xml.js';

/** The body of a request, unparsed. */
export interface Body {
  readonly isXml: boolean;
  readonly text: string;
}

/**
 * The parsed body. In XML all values are texts.
 *
 * @param shape the meaning of an XML document's root
 * @throws 400
 */
export function valueOfBody({ isXml, text }: Body, shape: 'array' | 'object'): JsonValue {
  if (isXml) return valueOf(rootOf(text), shape);
  try {
    return parseJson(text, maxValues);
  } catch (error) {
    throw badRequest(`Request is not in valid JSON format: ${describeError(error)}`);
  }
}

const maxValues = 200_000;
const maxDepth = 64;

interface Element {
  readonly name: string;
  readonly isNil: boolean;
  readonly elements: Element[];
  text: string;
}

/** Only XML's predefined entities are supported: a document that declares or uses others is refused. */
function rootOf(xml: string): Element {
  const parser = new SaxesParser();
  const open: Element[] = [];
  let root: Element | undefined;
  let elements = 0;
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('doctype', () => {
    throw new Error('a document type is not accepted');
  });
  parser.on('opentag', ({ name, attributes }) => {
    elements += 1;
    if (open.length === maxDepth || elements > maxValues) throw new Error('it is too large');
    const element: Element = { name, isNil: attributes['nil'] === 'true', elements: [], text: '' };
    root ??= element;
    open.at(-1)?.elements.push(element);
    open.push(element);
  });
  parser.on('closetag', () => void open.pop());
  const append = (text: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += text;
  };
  parser.on('text', append);
  parser.on('cdata', append);
  try {
    parser.write(xml).close();
  } catch (error) {
    throw badRequest(`Request is not in valid XML format: ${describeError(error)}`);
  }
  return root as unknown as Element;
}

function valueOf(element: Element, shape: 'array' | 'object' | 'any'): JsonValue {
  const { name, isNil, elements, text } = element;
  if (isNil) return null;
  if (shape === 'array')
    return elements.filter((one) => one.name === 'item').map((item) => valueOf(item, 'object'));
  if (shape === 'any' && dictionaries.has(name)) return new Map(elements.map(entryOf));
  if (shape === 'any' && elements.length === 0) return text;
  const members = new Map<string, JsonValue>();
  for (const one of elements) {
    if (members.has(one.name)) throw badRequest(`the element ${one.name} is there twice`);
    members.set(one.name, valueOf(one, 'any'));
  }
  return members;
}

function entryOf({ elements }: Element): readonly [string, JsonValue] {
  const [key, value] = ['key', 'value'].map((name) => elements.find((one) => one.name === name));
  if (key === undefined || value === undefined)
    throw badRequest('each item of a dictionary has a key and a value');
  return [key.text, valueOf(value, 'any')];
}
