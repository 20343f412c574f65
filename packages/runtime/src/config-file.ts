import { readFile } from 'node:fs/promises';

import { NephoscopeError } from '@nephoscope/core';
import { isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { Document, Node } from 'yaml';

import { exposedSecrets } from './secret-values.js';
import { hasAlias, yamlMistakes } from './yaml-mistakes.js';

/** A configuration as it was written, before any schema: values, and where each stood. */
export interface RawConfig {
  readonly values: Record<string, unknown>;
  /** `file:line` of a path, or the environment variable that set it; of what is not there, of the nearest around it. */
  locate(path: readonly PropertyKey[]): string;
  /** What works and should be mended all the same. */
  readonly warnings: readonly string[];
}

/** Where every program looks for its configuration unless told otherwise. */
export const defaultConfigPath = '/etc/nephoscope/nephoscope.yaml';

const environmentPrefix = 'NEPHOSCOPE_';

/**
 * Reads a YAML file and lays the environment over it: `NEPHOSCOPE_COMPUTE__STATE_DIRECTORY` sets
 * `compute.stateDirectory`. A variable's value may be a number, `true`, `false`, or a list or an object as YAML
 * writes them within brackets; all else is text, whatever characters it has.
 *
 * Digits that a number would not give back (`007`, `1e3`, more than 2^53) are text, so that a secret or
 * an id stays what was written.
 *
 * @throws CONFIG_UNREADABLE when the file is not there or is not YAML, with the place of each mistake and never its text
 */
export async function readConfig(path: string, environment: NodeJS.ProcessEnv): Promise<RawConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new NephoscopeError(
      'CONFIG_UNREADABLE',
      `cannot read the configuration ${path}: name a readable file with --config`,
      { cause: error },
    );
  }
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
      `${path} is not a configuration: its top level must be keys with values`,
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
      const offset = offsetOf(document.contents, where);
      return offset === undefined ? path : place(offset);
    },
  };
}

function parseYaml(text: string, lineCounter = new LineCounter()): Document {
  const document = parseDocument(text, { lineCounter, prettyErrors: false, stringKeys: true });
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
    // An alias within what it stands for is found out here.
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

/** Where the key or the list item at a path stands, or else the nearest around it. */
function offsetOf(node: unknown, path: readonly PropertyKey[]): number | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return undefined;
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
    return pair && (offsetOf(pair.value, rest) ?? startOf(pair.key as Node));
  }
  if (isSeq(node)) {
    const item = node.items[Number(key)];
    return offsetOf(item, rest) ?? startOf(item as Node | undefined);
  }
  return undefined;
}

function startOf(node: Node | undefined): number | undefined {
  return node?.range?.[0];
}

function layOver(values: Record<string, unknown>, environment: NodeJS.ProcessEnv): Map<string, string> {
  const origins = new Map<string, string>();
  // In order, so that a section set as a whole comes before single keys of it.
  for (const variable of Object.keys(environment).sort()) {
    const text = environment[variable];
    if (!variable.startsWith(environmentPrefix) || text === undefined) continue;
    const keys = variable.slice(environmentPrefix.length).split('__').map(camelCase);
    let parent = values;
    for (const key of keys.slice(0, -1)) {
      const child = parent[key];
      parent = parent[key] =
        typeof child === 'object' && child !== null && !Array.isArray(child) ? { ...child } : {};
    }
    parent[keys.at(-1) as string] = valueOf(text);
    origins.set(variableKey(keys), variable);
  }
  return origins;
}

function variableKey(path: readonly PropertyKey[]): string {
  return path.map(String).join('.');
}

function valueOf(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^-?\d+(\.\d+)?$/.test(text)) return exact(text, Number(text));
  if (!/^\s*[[{]/.test(text)) return text;
  const document = parseYaml(text);
  // A text that only begins like a list is one; the schema says so where a list is wanted.
  if (document.errors.length > 0 || hasAlias(document)) return text;
  return document.toJS() as unknown;
}

function camelCase(words: string): string {
  return words.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
