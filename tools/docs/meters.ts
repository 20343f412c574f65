import { droppedMeter } from '@nephoscope/agent-compute';

import { cell } from './option-table.js';
import type { FirstPartyPlugin } from './plugins.js';

/** Where a counter's resource is not the instance itself. */
const resources: Readonly<Record<string, string>> = {
  disk_device: '`<instance id>-<device>`, such as `bbf42396-86d2-4f4c-b6a1-2821813311b3-vda`',
  net:
    'the nwfilter of the card where that names one card (it holds a MAC address, as nova’s ' +
    '`nova-instance-instance-0000000a-fa163e71ec6d`, and no other card of the instance has it); ' +
    'else `<instance name>-<instance id>-<tap>`',
};

const parts = [
  {
    namespace: 'poll.compute',
    title: 'The compute agent, of each instance',
    about:
      'Resource id: the instance’s id (its UUID) unless it is said to be another. An instance that is shut off yields `instance`, `power.state` and its disk sizes.',
  },
  {
    namespace: 'poll.central',
    title: 'The central agent, of what the services list',
    about: 'Resource id: the id of what is metered; its project is that of its owner.',
  },
  {
    namespace: 'collector',
    title: 'The notification plugins, of what the services announce',
    about:
      'Which events each takes, and from where, stands in the README of its package. An event that is announced twice is recorded once.',
  },
] as const;

/** docs/meters.md */
export function metersPage(plugins: readonly FirstPartyPlugin[]): string {
  const sections = parts.map(({ namespace, title, about }) => {
    const tables = plugins
      .filter((one) => one.namespace === namespace)
      .map(
        ({ name, packageName, plugin }) => `### \`${name}\` (${packageName})
${resources[name] === undefined || namespace !== 'poll.compute' ? '' : `\nResource id: ${resources[name]}.\n`}
| meter | type | unit | description |
|---|---|---|---|
${plugin.meters.map((meter) => `| \`${meter.name}\` | ${meter.type} | ${meter.unit === '' ? 'none' : meter.unit} | ${cell(meter.description)} |`).join('\n')}
`,
      );
    return `## ${title}\n\n${about}\n\n${tables.join('\n')}`;
  });
  return `# Meters

<!-- Generated from the plugins' tables by \`npm run docs\`: do not edit. -->

Names, types and units are Ceilometer's where Ceilometer has the meter. **cumulative** only grows within an epoch (one run
of an instance); **delta** is an amount of its own, to be added up; **gauge** is a value now. A figure that could not be read
is not sent, and the log says why; it is never sent as 0. A text in angle brackets stands for what it names.

${sections.join('\n')}
## The compute agent, of itself

Resource id: \`<publisher id>/<meter>\`, the meter whose samples were dropped. Its metadata: \`meter\`, \`from\` and \`to\`.

| meter | type | unit | description |
|---|---|---|---|
| \`${droppedMeter.name}\` | ${droppedMeter.type} | ${droppedMeter.unit} | ${cell(droppedMeter.description)} |
`;
}
