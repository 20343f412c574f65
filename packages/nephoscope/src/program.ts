import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { computeAgentProgram } from '@nephoscope/agent-compute';
import { collectorProgram } from '@nephoscope/collector';
import { discoverPlugins } from '@nephoscope/runtime';
import type { DeclaredPlugin, ProgramDefinition } from '@nephoscope/runtime';

const directory = dirname(dirname(fileURLToPath(import.meta.url)));

export const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const sections = { ...computeAgentProgram.sections, ...collectorProgram.sections };

/** All programs of a host as one: what `up` runs and `config` looks at. */
export const wholeProgram = {
  name: 'nephoscope',
  directory,
  sections,
  chosen: { ...computeAgentProgram.chosen, ...collectorProgram.chosen },
  selected: { ...computeAgentProgram.selected, ...collectorProgram.selected },
} as const satisfies ProgramDefinition<typeof sections>;

/** The plugins that are installed beside this command. */
export function installedPlugins(): readonly DeclaredPlugin[] {
  return discoverPlugins(directory);
}
