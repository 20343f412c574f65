import { collectorProgram } from '@nephoscope/collector';
import type { SampleStore, Secret } from '@nephoscope/core';
import { commonSections, configure, createPlugin, systemClock } from '@nephoscope/runtime';
import type { ProgramDefinition, RawConfig } from '@nephoscope/runtime';

import { noConfiguration, readConfiguration } from './configuration.js';
import { createPlainLogger } from './plain-log.js';
import { installedPlugins, wholeProgram } from './program.js';
import { deadline } from './run.js';

const sections = {
  ...commonSections,
  secrets: commonSections.secrets.optional(),
  storage: collectorProgram.sections.storage,
};

/** The sections needed to read the store. Mistakes in other sections are ignored. */
const reader = {
  name: wholeProgram.name,
  directory: wholeProgram.directory,
  sections,
  chosen: { storage: 'storage' },
  selected: {},
} as const satisfies ProgramDefinition<typeof sections>;

const startTime = 30_000;

export interface StoreLocation {
  readonly config?: string;
  readonly store?: string;
  /** Also where `store` is given, the secrets are those of the configuration. */
  readonly withSecrets?: boolean;
}

/** Opens the configured store, which must exist and may be in use by a collector, and closes it after `use`. */
export async function withStore(
  location: StoreLocation,
  signal: AbortSignal,
  use: (store: SampleStore, secrets: readonly Secret[] | undefined) => Promise<void>,
): Promise<void> {
  const { config, chosen } = await configure(reader, await rawConfigOf(location), installedPlugins());
  const logger = createPlainLogger('warn');
  const store = createPlugin<SampleStore>(chosen['storage'], { logger, clock: systemClock, host: config.host });
  await store.start(deadline(signal, startTime, 'the store was not open'), { existing: true });
  try {
    await use(store, config.secrets);
  } finally {
    await store.stop();
  }
}

async function rawConfigOf({ config, store, withSecrets = false }: StoreLocation): Promise<RawConfig> {
  const raw: RawConfig =
    store === undefined || config !== undefined || withSecrets ? await readConfiguration(config) : noConfiguration;
  if (store === undefined) return raw;
  return {
    ...raw,
    values: { ...raw.values, storage: { type: 'sql', url: store } },
    locate: (path) => (path[0] === 'storage' ? '--store' : raw.locate(path)),
  };
}
