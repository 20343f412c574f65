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

/** docs/meters.md */
export function metersPage(plugins: readonly FirstPartyPlugin[]): string {
  const pollsters = plugins.filter(({ namespace }) => namespace === 'poll.compute');
  const tables = pollsters.map(
    ({ name, packageName, plugin }) => `## \`${name}\` (${packageName})

Resource id: ${resources[name] ?? 'the instance’s id (its UUID)'}.

| meter | type | unit | description |
|---|---|---|---|
${plugin.meters.map((meter) => `| \`${meter.name}\` | ${meter.type} | ${meter.unit === '' ? 'none' : meter.unit} | ${cell(meter.description)} |`).join('\n')}
`,
  );
  return `# Meters

<!-- Generated from the pollsters' tables by \`npm run docs\`: do not edit. -->

What the compute agent measures of each instance, by pollster. Names, types and units are Ceilometer's where Ceilometer has
the meter. **cumulative** only grows within an epoch (one run of an instance); **gauge** is a value now. A figure that could not
be read is not sent, and the log says why; it is never sent as 0. A text in angle brackets stands for what it names.

An instance that is shut off yields \`instance\`, \`power.state\` and its disk sizes.

${tables.join('\n')}`;
}
