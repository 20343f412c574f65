import { readFile } from 'node:fs/promises';

import { NephoscopeError } from '@nephoscope/core';
import type { z } from 'zod';
import { LineCounter, parse, parseDocument } from 'yaml';

/** One thing wrong with the configuration: where, in the operator's own words, and what. */
export interface ConfigProblem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** A configuration as it was written, before any schema: values, and where each stood. */
export interface RawConfig {
  readonly values: Record<string, unknown>;
  /** `file:line` of a path, or the environment variable that set it. */
  locate(path: readonly PropertyKey[]): string | undefined;
}

/** Every mistake of a configuration at once, each with its path and place. */
export class ConfigInvalid extends NephoscopeError {
  readonly problems: readonly ConfigProblem[];

  constructor(raw: RawConfig, problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ path, message }) => {
      const place = raw.locate(path);
      return `  ${formatPath(path)}: ${message}${place === undefined ? '' : ` (${place})`}`;
    });
    super('CONFIG_INVALID', `the configuration has ${problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`}:\n${lines.join('\n')}`);
    this.problems = problems;
  }
}

/** Where every program looks for its configuration unless told otherwise. */
export const defaultConfigPath = '/etc/nephoscope/nephoscope.yaml';

const environmentPrefix = 'NEPHOSCOPE_';

/**
 * Reads a YAML file and lays the environment over it: `NEPHOSCOPE_COMPUTE__STATE_DIRECTORY` sets
 * `compute.stateDirectory`. A variable's value is YAML too, so that lists and numbers can be given.
 *
 * @throws CONFIG_UNREADABLE when the file is not there or is not YAML
 */
export async function readConfig(path: string, environment: NodeJS.ProcessEnv): Promise<RawConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new NephoscopeError('CONFIG_UNREADABLE', `cannot read the configuration ${path}: name an existing file with --config`, { cause: error });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const values: unknown = document.errors.length > 0 ? undefined : (document.toJS() ?? {});
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    const reason = document.errors[0]?.message ?? 'its top level must be keys with values';
    throw new NephoscopeError('CONFIG_UNREADABLE', `${path} is not a YAML configuration: ${reason}`);
  }
  const fromEnvironment = layOver(values as Record<string, unknown>, environment);
  return {
    values: values as Record<string, unknown>,
    locate(where) {
      const variable = fromEnvironment.get(where.map(String).join('.'));
      if (variable !== undefined) return variable;
      for (let length = where.length; length > 0; length--) {
        const node: unknown = document.getIn(where.slice(0, length), true);
        const range = (node as { range?: [number, number, number] | null } | undefined)?.range;
        if (range) return `${path}:${lines.linePos(range[0]).line}`;
      }
      return path;
    },
  };
}

function layOver(values: Record<string, unknown>, environment: NodeJS.ProcessEnv): Map<string, string> {
  const origins = new Map<string, string>();
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(environmentPrefix) || text === undefined) continue;
    const keys = variable.slice(environmentPrefix.length).split('__').map(camelCase);
    let parent = values;
    for (const key of keys.slice(0, -1)) {
      const child = parent[key];
      parent = parent[key] = typeof child === 'object' && child !== null && !Array.isArray(child) ? { ...child } : {};
    }
    parent[keys.at(-1) as string] = scalar(text);
    origins.set(keys.join('.'), variable);
  }
  return origins;
}

/** Lists, objects, integers and booleans as YAML; all else stays the text that it is: a URL, a secret with `: ` or `#`. */
function scalar(text: string): unknown {
  if (!/^\s*[[{]/.test(text) && !/^(true|false|0|-?[1-9]\d{0,14})$/.test(text)) return text;
  try {
    return parse(text) as unknown;
  } catch {
    return text;
  }
}

function camelCase(words: string): string {
  return words.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function formatPath(path: readonly PropertyKey[]): string {
  return path.map((key) => (typeof key === 'number' ? `[${key}]` : String(key))).join('.').replaceAll('.[', '[') || '(top level)';
}

/** zod's findings as problems; an unknown key is one of its own, with the keys that there are. */
export function toProblems(error: z.ZodError, prefix: readonly PropertyKey[] = []): ConfigProblem[] {
  return error.issues.flatMap((issue): ConfigProblem[] => {
    const path = [...prefix, ...issue.path];
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ path: [...path, key], message: 'there is no such key' }));
    if (issue.code === 'invalid_type' && issue.input === undefined) return [{ path, message: `is required (${issue.expected})` }];
    return [{ path, message: issue.message }];
  });
}
