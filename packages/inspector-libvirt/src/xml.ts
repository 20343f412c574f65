import { SaxesParser } from 'saxes';

/** An element of a document, with its contents in document order. */
export interface Element {
  /** With its prefix, as it is written. */
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly parent: Element | undefined;
  readonly elements: readonly Element[];
  /** All text directly in it, CDATA too. */
  readonly text: string;
}

interface OpenElement extends Element {
  readonly parent: OpenElement | undefined;
  readonly elements: OpenElement[];
  text: string;
}

/**
 * The document's root. Elements may have any name and depth: libvirt's own reach hundreds of levels with long chains
 * of backing files, and anyone may add to <metadata>.
 *
 * @throws TypeError for a text that is not well-formed
 */
export function parseXml(xml: string): Element {
  // Without `xmlns` the parser ignores prefixes, so that an unbound one does not make the text unreadable.
  const parser = new SaxesParser();
  let root: OpenElement | undefined;
  let open: OpenElement | undefined;
  let problem: Error | undefined;
  parser.on('error', (error) => (problem ??= error));
  parser.on('opentag', ({ name, attributes }) => {
    const element: OpenElement = { name, attributes, parent: open, elements: [], text: '' };
    root ??= element;
    open?.elements.push(element);
    open = element;
  });
  parser.on('closetag', () => (open = open?.parent));
  const append = (text: string): void => {
    if (open !== undefined) open.text += text;
  };
  parser.on('text', append);
  parser.on('cdata', append);
  parser.write(xml).close();
  if (problem !== undefined) throw new TypeError(`the XML is not well-formed: ${problem.message}`);
  return root!;
}

/** The elements in one, or those of a name. */
export function children(element: Element | undefined, name?: string): readonly Element[] {
  if (element === undefined) return [];
  return name === undefined ? element.elements : element.elements.filter((found) => found.name === name);
}

export function child(element: Element | undefined, name: string): Element | undefined {
  return element?.elements.find((found) => found.name === name);
}

/** An attribute. */
export function value(element: Element | undefined, name: string): string | undefined {
  return unlessBlank(element?.attributes[name]);
}

/** The text in an element, if any. */
export function content(element: Element | undefined): string | undefined {
  return unlessBlank(element?.text);
}

// Returns a copy: a slice would make V8 keep the text of the whole document, some KiB for each domain.
const unlessBlank = (text: string | undefined) =>
  text === undefined || text.trim() === '' ? undefined : ` ${text}`.slice(1);

/** The name without its prefix. */
export function local({ name }: Element): string {
  return name.slice(name.indexOf(':') + 1);
}

/** The namespace that the element is in; it may be declared on any element around it, as libvirt does on <metadata>. */
export function namespace(element: Element): string | undefined {
  const colon = element.name.indexOf(':');
  const declaration = colon < 0 ? 'xmlns' : `xmlns:${element.name.slice(0, colon)}`;
  for (let around: Element | undefined = element; around !== undefined; around = around.parent) {
    const uri = around.attributes[declaration];
    if (uri !== undefined) return uri;
  }
  return undefined;
}
