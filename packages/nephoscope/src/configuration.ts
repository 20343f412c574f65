import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { NephoscopeError } from '@nephoscope/core';
import { defaultConfigPath, readConfig } from '@nephoscope/runtime';
import type { RawConfig } from '@nephoscope/runtime';

/** Where `up` creates a deployment if none is configured; all other commands find it there. */
export const localDirectory = 'nephoscope-data';
const localConfigPath = `${localDirectory}/nephoscope.yaml`;

export const configOption = [
  '-c, --config <file>',
  `YAML configuration (default: ${defaultConfigPath} where there is one, else ./${localConfigPath})`,
] as const;

/** Only defaults. */
export const noConfiguration: RawConfig = { values: {}, warnings: [], locate: () => 'the defaults' };

/** The named configuration, or the first that exists. @throws CONFIG_UNREADABLE */
export function readConfiguration(named: string | undefined): Promise<RawConfig> {
  return readConfig(named ?? existingConfig() ?? defaultConfigPath, process.env);
}

/** The same, or undefined if none was named and none exists. */
export async function readConfigurationIfAny(named: string | undefined): Promise<RawConfig> {
  if (named === undefined && existingConfig() === undefined) return noConfiguration;
  return readConfiguration(named);
}

/**
 * Like {@link readConfiguration} for `up`: creates a configuration in the working directory if there is none, and
 * uses the in-process bus unless another is configured.
 */
export async function readUpConfiguration(
  named: string | undefined,
  printNote: (line: string) => void,
): Promise<RawConfig> {
  const raw = await readConfig(named ?? existingConfig() ?? (await writeLocalConfig(printNote)), process.env);
  if ((raw.values['bus'] ?? null) !== null) return raw;
  return { ...raw, values: { ...raw.values, bus: { type: 'memory' } } };
}

function existingConfig(): string | undefined {
  return [defaultConfigPath, localConfigPath].find((path) => existsSync(path));
}

async function writeLocalConfig(printNote: (line: string) => void): Promise<string> {
  // A path with any character is a JSON string, and so YAML.
  const inside = (name: string) => resolve(localDirectory, name);
  const text = `# Written by 'nephoscope up', which found no configuration. The secret is random.
secrets: ["${randomBytes(32).toString('hex')}"]
bus: { type: memory }
storage: { type: sql, url: ${JSON.stringify(`sqlite:${inside('samples.db')}`)} }
compute: { interval: 10s, stateDirectory: ${JSON.stringify(inside('state'))} }
`;
  try {
    await mkdir(dirname(localConfigPath), { recursive: true, mode: 0o700 });
    await writeFile(localConfigPath, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw new NephoscopeError(
      'CONFIG_UNWRITABLE',
      `there is no configuration, and ${localConfigPath} cannot be written: go to a folder of your own, or name a file with --config`,
      { cause: error },
    );
  }
  printNote(
    `no configuration was found: wrote ${resolve(localConfigPath)} with a random secret; samples go to ${inside('samples.db')}`,
  );
  return localConfigPath;
}
