import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { centralAgentProgram } from '@nephoscope/agent-central';
import { computeAgentProgram } from '@nephoscope/agent-compute';
import { apiProgram } from '@nephoscope/api';
import { collectorProgram } from '@nephoscope/collector';
import { discoverPlugins } from '@nephoscope/runtime';
import type { DeclaredPlugin, ProgramDefinition } from '@nephoscope/runtime';

const directory = dirname(dirname(fileURLToPath(import.meta.url)));

export const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const upSections = { ...apiProgram.sections, ...computeAgentProgram.sections, ...collectorProgram.sections };

/** What `up` runs: the instances of this host, metered and recorded, and the API. */
export const upProgram = {
  name: 'nephoscope',
  directory,
  sections: upSections,
  chosen: { ...computeAgentProgram.chosen, ...collectorProgram.chosen },
  selected: computeAgentProgram.selected,
} as const satisfies ProgramDefinition<typeof upSections>;

const sections = { ...centralAgentProgram.sections, ...upSections };

/** All programs of a host as one, for `config` and `plugins`. */
export const wholeProgram = {
  name: 'nephoscope',
  directory,
  sections,
  chosen: upProgram.chosen,
  selected: { ...centralAgentProgram.selected, ...computeAgentProgram.selected, ...collectorProgram.selected },
} as const satisfies ProgramDefinition<typeof sections>;

/** The plugins installed with this command. */
export function installedPlugins(): readonly DeclaredPlugin[] {
  return discoverPlugins(directory);
}
