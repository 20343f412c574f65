import { readFile } from 'node:fs/promises';

import { NephoscopeError } from '@nephoscope/core';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { Document, Node } from 'yaml';

import { exposedSecrets } from './secret-values.js';
import { hasAlias, mergedInto, yamlMistakes } from './yaml-mistakes.js';

/** A configuration before validation: its values, and the position of each. */
export interface RawConfig {
  readonly values: Record<string, unknown>;
  /** `file:line` of a path, or the environment variable that set it; for a missing key the nearest enclosing one. */
  locate(path: readonly PropertyKey[]): string;
  /** Warnings about a working configuration that should be corrected. */
  readonly warnings: readonly string[];
}

/** The default path of the configuration. */
export const defaultConfigPath = '/etc/nephoscope/nephoscope.yaml';

const environmentPrefix = 'NEPHOSCOPE_';

/**
 * Reads a YAML file and applies environment variables: `NEPHOSCOPE_COMPUTE__STATE_DIRECTORY` sets
 * `compute.stateDirectory`. A variable's value may be a number, `true`, `false`, or a list or object in YAML's
 * bracket notation; anything else is text, whatever characters it has.
 *
 * Digits that a number would not reproduce (`007`, `1e3`, more than 2^53) are text, so that a secret or an id stays
 * what was written.
 *
 * @throws CONFIG_UNREADABLE if the file does not exist or is not YAML, with the position of each mistake and never
 *   its text
 */
export async function readConfig(path: string, environment: NodeJS.ProcessEnv): Promise<RawConfig> {
  const text = await readText(path);
  const lines = new LineCounter();
  const document = parseYaml(text, lines);
  const place = (offset: number) => `${path}:${lines.linePos(offset).line}`;
  const mistakes = yamlMistakes(document).map(({ offset, message }) => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}: ${message}`;
  });
  if (mistakes.length > 0)
    throw new NephoscopeError('CONFIG_UNREADABLE', `${path} is not YAML:\n  ${mistakes.join('\n  ')}`);
  const values = toValues(document, path);
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new NephoscopeError(
      'CONFIG_UNREADABLE',
      `${path} is not a configuration: its top level must be keys with values, as in 'source: openstack'`,
    );
  }
  const warnings = await exposedSecrets(path, values as Record<string, unknown>);
  const fromEnvironment = layOver(values as Record<string, unknown>, environment);
  return {
    values: values as Record<string, unknown>,
    warnings,
    locate(where) {
      const variable = where
        .map((_, index) => fromEnvironment.get(variableKey(where.slice(0, where.length - index))))
        .find(Boolean);
      if (variable !== undefined) return variable;
      const offset = offsetOf(document, document.contents, where);
      return offset === undefined ? path : place(offset);
    },
  };
}

/** Causes of a failed read, and what to do. */
const unreadable: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file: name one with --config',
  EISDIR: 'it is a folder: name the file in it',
  ENOTDIR: 'a part of the path is not a directory: name a file with --config',
  EACCES: 'this user may not read it: run as one who may, or change its owner or mode',
};

/** @throws CONFIG_UNREADABLE */
async function readText(path: string): Promise<string> {
  const failed = (why: string, cause?: unknown) =>
    new NephoscopeError('CONFIG_UNREADABLE', `cannot read the configuration ${path}: ${why}`, { cause });
  const bytes = await readFile(path).catch((error: unknown) => {
    throw failed(unreadable[(error as NodeJS.ErrnoException).code ?? ''] ?? 'name a file with --config', error);
  });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw failed('it is not UTF-8: save it as UTF-8');
  }
}

function parseYaml(text: string, lineCounter = new LineCounter()): Document {
  const document = parseDocument(text, { lineCounter, prettyErrors: false, stringKeys: true, merge: true });
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'number' && node.type === 'PLAIN' && node.source !== undefined)
        node.value = exact(node.source, node.value);
    },
  });
  return document;
}

function toValues(document: Document, path: string): unknown {
  try {
    const values = (document.toJS() as unknown) ?? {};
    // An alias inside its own target is detected here.
    JSON.stringify(values);
    return values;
  } catch {
    // Or aliases of themselves, or so many that they would fill the memory. The error may quote them.
    throw new NephoscopeError('CONFIG_UNREADABLE', `${path} cannot be read: write out its aliases`);
  }
}

function exact(text: string, number: number): number | string {
  return (Number.isInteger(number) || !/^-?\d+\.\d+$/.test(text)) && String(number) !== text ? text : number;
}

/**
 * Position of the key or list item at a path, or of the nearest enclosing one; for merged or aliased values, of their
 * definition.
 */
function offsetOf(document: Document, written: unknown, path: readonly PropertyKey[]): number | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return undefined;
  const node = isAlias(written) ? written.resolve(document) : written;
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
    if (pair !== undefined) return offsetOf(document, pair.value, rest) ?? startOf(pair.key as Node);
    return mergedInto(node)
      .map((source) => offsetOf(document, source, path))
      .find((offset) => offset !== undefined);
  }
  if (isSeq(node)) {
    const item = node.items[Number(key)];
    return offsetOf(document, item, rest) ?? startOf(item as Node | undefined);
  }
  return undefined;
}

function startOf(node: Node | undefined): number | undefined {
  return node?.range?.[0];
}

function layOver(values: Record<string, unknown>, environment: NodeJS.ProcessEnv): Map<string, string> {
  const origins = new Map<string, string>();
  // Sorted, so that a section set as a whole is applied before single keys in it.
  for (const variable of Object.keys(environment).sort()) {
    const text = environment[variable];
    if (!variable.startsWith(environmentPrefix) || text === undefined) continue;
    const keys = variable.slice(environmentPrefix.length).split('__').map(camelCase);
    checkName(variable, keys);
    let parent = values;
    for (const [index, key] of keys.slice(0, -1).entries()) {
      const child = parent[key];
      const isMapping = typeof child === 'object' && child !== null && !Array.isArray(child);
      if (!isMapping) origins.set(variableKey(keys.slice(0, index + 1)), variable);
      parent = parent[key] = isMapping ? { ...child } : {};
    }
    parent[keys.at(-1) as string] = valueOf(text);
    origins.set(variableKey(keys), variable);
  }
  return origins;
}

/** @throws CONFIG_INVALID for a variable that cannot mean any key */
function checkName(variable: string, keys: readonly string[]): void {
  const index = keys.findIndex((key) => /^\d+$/.test(key));
  if (index > 0) {
    const list = variable.split('__').slice(0, index).join('__');
    throw new NephoscopeError(
      'CONFIG_INVALID',
      `${variable}: the environment sets a list as a whole: ${list}='[…]'`,
    );
  }
  if (keys.some((key) => !/^[a-z]/.test(key)))
    throw new NephoscopeError(
      'CONFIG_INVALID',
      `${variable} names no key: NEPHOSCOPE_COMPUTE__STATE_DIRECTORY sets compute.stateDirectory`,
    );
}

function variableKey(path: readonly PropertyKey[]): string {
  return path.map(String).join('.');
}

function valueOf(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^-?\d+(\.\d+)?$/.test(text)) return exact(text, Number(text));
  // Quotes show that a text is meant.
  const quoted = /^"(-?\d+(?:\.\d+)?|true|false)"$/.exec(text);
  if (quoted !== null) return quoted[1];
  if (!/^\s*[[{]/.test(text)) return text;
  const document = parseYaml(text);
  // A value that only begins like a list is text; the schema refuses it where a list is required.
  if (document.errors.length > 0 || hasAlias(document)) return text;
  return document.toJS() as unknown;
}

function camelCase(words: string): string {
  return words.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
