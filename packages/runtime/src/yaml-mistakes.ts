import { isAlias, isMap, isScalar, isSeq, visit } from 'yaml';
import type { Document, Node, YAMLError, YAMLMap } from 'yaml';

type Code = YAMLError['code'];

/** A mistake in the YAML text, and its position. */
export interface YamlMistake {
  readonly offset: number;
  readonly message: string;
}

const quotes =
  'a text that begins with a special character such as * & ! % @ { [ or `, or holds ": ", needs quotes';

/**
 * Our own description of each mistake: the parser's messages quote the text, which may be a secret. Complete, so that a
 * new kind of mistake fails to compile.
 */
const messages: Readonly<Record<Code, string>> = {
  ALIAS_PROPS: `an alias cannot have a tag or an anchor (${quotes})`,
  BAD_ALIAS: `this alias is not written as one (${quotes})`,
  BAD_COLLECTION_TYPE: 'the tag does not fit to what follows',
  BAD_DIRECTIVE: `this is not a directive of YAML (${quotes})`,
  BAD_DQ_ESCAPE: 'there is no such escape within double quotes: use single quotes, or \\\\ for a backslash',
  BAD_INDENT: 'the indentation does not fit to the lines around it',
  BAD_PROP_ORDER: 'anchors and tags must stand behind the indicator',
  BAD_SCALAR_START: `a text cannot begin like this: ${quotes}`,
  BLOCK_AS_IMPLICIT_KEY: `a key with a value stands where a text belongs: ${quotes}`,
  BLOCK_IN_FLOW: 'within brackets no indented list or mapping can stand: is a bracket not closed?',
  DUPLICATE_KEY: 'the key is there already, further up',
  IMPOSSIBLE: 'this cannot be read',
  KEY_OVER_1024_CHARS: 'a key is too long: is a colon or a quote missing?',
  MISSING_CHAR: 'a character is missing, such as a closing quote or bracket, a comma, or the space after a colon',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line: is a colon, or the space after it, or a quote missing?',
  MULTIPLE_ANCHORS: 'there are two anchors',
  MULTIPLE_DOCS: 'a configuration is one document: remove what follows after ---',
  MULTIPLE_TAGS: 'there are two tags',
  NON_STRING_KEY: 'a key must be a text',
  RESOURCE_EXHAUSTION: 'it is nested too deeply',
  TAB_AS_INDENT: 'indent with spaces, not with tabs',
  TAG_RESOLVE_FAILED: `there is no such tag, or its value does not fit to it (${quotes})`,
  UNEXPECTED_TOKEN: `this was not expected here (${quotes})`,
};

/**
 * All mistakes of a document, including warnings such as an unknown tag, whose value is not what the operator meant.
 */
export function yamlMistakes(document: Document): readonly YamlMistake[] {
  const errors = [...document.errors, ...document.warnings];
  const unclosed = errors.find(isUnclosed);
  // Everything after it is read as part of it.
  if (unclosed !== undefined) return [{ offset: unclosed.pos[0], message: notClosed }];
  const mistakes = errors.map(({ code, pos }) => ({
    offset: pos[0],
    message: messages[code] ?? messages.IMPOSSIBLE,
  }));
  if (mistakes.length > 0) return mistakes;
  const unresolved = unresolvedAliases(document);
  return unresolved.length > 0 ? unresolved : wrongMerges(document);
}

const notClosed = 'a bracket or brace that was opened further up is not closed before this line';

/**
 * These messages of the parser do not quote the text: `Flow sequence in block collection must be … and end with a ]`.
 */
function isUnclosed({ code, message }: YAMLError): boolean {
  return code === 'BAD_INDENT' && message.startsWith('Flow ');
}

/** Usually unquoted texts that begin with `*`. */
function unresolvedAliases(document: Document): readonly YamlMistake[] {
  const mistakes: YamlMistake[] = [];
  visit(document, {
    Alias(_, node) {
      if (node.resolve(document) === undefined)
        mistakes.push({
          offset: node.range?.[0] ?? 0,
          message:
            'this is read as an alias of something that is not there: put a text that begins with * in quotes',
        });
    },
  });
  return mistakes;
}

function wrongMerges(document: Document): readonly YamlMistake[] {
  const mistakes: YamlMistake[] = [];
  visit(document, {
    Map(_, node) {
      for (const source of mergedInto(node))
        if (!isMap(isAlias(source) ? source.resolve(document) : source))
          mistakes.push({
            offset: (source as Node | null)?.range?.[0] ?? node.range?.[0] ?? 0,
            message: '<< takes a mapping, such as an alias of one (*name), or a list of mappings',
          });
    },
  });
  return mistakes;
}

/** The value of `<<` in a mapping: mappings or aliases of them, unless it is a mistake. */
export function mergedInto(map: YAMLMap): readonly unknown[] {
  return map.items
    .filter(({ key }) => isScalar(key) && key.type === 'PLAIN' && key.source === '<<')
    .flatMap(({ value }): readonly unknown[] => (isSeq(value) ? value.items : [value]));
}

export function hasAlias(document: Document): boolean {
  let found = false;
  visit(document, (_, node) => {
    found ||= isAlias(node);
  });
  return found;
}
