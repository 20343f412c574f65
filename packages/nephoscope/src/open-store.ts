import { collectorProgram } from '@nephoscope/collector';
import type { Secret } from '@nephoscope/core/options';
import type { SampleReader, SampleStore } from '@nephoscope/core/sample-store';
import { commonSections, configure, createPlugin, createReader, systemClock } from '@nephoscope/runtime';
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
const reading = {
  name: wholeProgram.name,
  directory: wholeProgram.directory,
  sections,
  chosen: { storage: 'storage' },
  selected: {},
} as const satisfies ProgramDefinition<typeof sections>;

/** The sections needed to record samples of others as the collector would. */
const importing = {
  ...reading,
  sections: { ...sections, secrets: commonSections.secrets, collector: collectorProgram.sections.collector },
} as const satisfies ProgramDefinition;

const startTime = 30_000;

export interface StoreLocation {
  readonly config?: string;
  readonly store?: string;
  /** Load the secrets from the configuration even if `store` is given. */
  readonly withSecrets?: boolean;
}

interface OpenStore {
  readonly reader: SampleReader;
  readonly secrets: readonly Secret[] | undefined;
  /** Opens it for changes too, and closes it after `use`. */
  withRecording<T>(use: (store: SampleStore) => Promise<T>): Promise<T>;
}

/** Reads the configured store, which must exist, while a collector may be using it, until `use` is done. */
export async function withStore<T>(
  location: StoreLocation,
  signal: AbortSignal,
  use: (open: OpenStore) => Promise<T>,
): Promise<T> {
  const { config, chosen } = await configure(reading, await rawConfigOf(location), installedPlugins());
  const settings = { logger: createPlainLogger('warn'), clock: systemClock, host: config.host };
  const started = <T extends Pick<SampleReader, 'start'>>(one: T) =>
    one.start(deadline(signal, startTime, 'the store was not open')).then(() => one);
  const reader = await started(createReader(chosen['storage'], settings));
  const withRecording: OpenStore['withRecording'] = async (work) => {
    // The reader has found the tables of this version, so nothing is created or migrated.
    const store = await started(createPlugin<SampleStore>(chosen['storage'], settings));
    try {
      return await work(store);
    } finally {
      await store.stop();
    }
  };
  try {
    return await use({ reader, secrets: config.secrets, withRecording });
  } finally {
    await reader.stop();
  }
}

export interface StoreToImport {
  /** Undefined if nothing is to be recorded. */
  readonly store: SampleStore | undefined;
  /** The first one signs. */
  readonly secrets: readonly Secret[];
  /** How long the collector keeps samples, in ms; undefined: without limit. */
  readonly retention: number | undefined;
}

/** Opens the configured store for recording until `use` is done, and creates it if it does not exist. */
export async function withStoreToImport(
  location: StoreLocation & { readonly dryRun?: true },
  signal: AbortSignal,
  use: (opened: StoreToImport) => Promise<void>,
): Promise<void> {
  const raw = await rawConfigOf({ ...location, withSecrets: true });
  const { config, chosen } = await configure(importing, raw, installedPlugins());
  const { secrets, host } = config;
  const { retention } = config.collector;
  if (location.dryRun === true) return use({ store: undefined, secrets, retention });
  const settings = { logger: createPlainLogger('warn'), clock: systemClock, host };
  const store = createPlugin<SampleStore>(chosen['storage'], settings);
  await store.start(deadline(signal, startTime, 'the store was not open'));
  try {
    await use({ store, secrets, retention });
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
