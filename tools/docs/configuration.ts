import { centralAgentProgram } from '@nephoscope/agent-central';
import { computeAgentProgram } from '@nephoscope/agent-compute';
import { apiProgram } from '@nephoscope/api';
import { collectorProgram } from '@nephoscope/collector';
import type { Logger } from '@nephoscope/core';
import type { NotificationHandler } from '@nephoscope/core/notification';
import { commonSections, systemClock } from '@nephoscope/runtime';
import { z } from 'zod';

import { describeSchema, hasOptions, optionTable } from './option-table.js';
import type { FirstPartyPlugin } from './plugins.js';

/** docs/configuration.md */
export function configurationPage(plugins: readonly FirstPartyPlugin[]): string {
  const section = (schema: z.ZodType) =>
    optionTable(describeSchema(z.object({ section: schema }))).replaceAll('section.', '');
  const without = (table: string, key: string) =>
    table
      .split('\n')
      .filter((line) => !line.startsWith(`| \`${key}\``))
      .join('\n');
  const own = (schema: z.ZodType) => without(section(schema), 'section');
  const ofPlugins = (namespace: string, key: string) =>
    plugins
      .filter((one) => one.namespace === namespace)
      .map(
        (one) =>
          `### \`${key}\` with \`type: ${one.name}\` (${one.packageName})\n\n${optionTable(describeSchema(one.plugin.options))}`,
      )
      .join('\n');
  const { services, ...ofAll } = commonSections;
  const compute = computeAgentProgram.sections;
  const collector = collectorProgram.sections;
  const api = apiProgram.sections;
  const central = centralAgentProgram.sections;
  const selectable = (namespace: string, what: string, key: string) => {
    const found = plugins.filter((one) => one.namespace === namespace);
    const withOptions = found.filter(({ plugin }) => hasOptions(describeSchema(plugin.options)));
    const names = found.map(({ name }) => `\`${name}\``).join(', ');
    const options = withOptions
      .map(({ name, plugin }) => `### \`${key}.${name}\`\n\n${optionTable(describeSchema(plugin.options))}`)
      .join('\n');
    return `The ${what} are ${names} and those of other installed packages. ${options === '' ? 'None of the first has options of its own.' : `With options of their own:\n\n${options}`}`;
  };

  return `# Configuration

One YAML file, by default \`/etc/nephoscope/nephoscope.yaml\` (\`--config\` names another), serves all programs of a host: each
reads the sections that it knows and leaves those of the others alone. A key that no program knows is a mistake; all
mistakes are reported at once, each with its path and its line.

The smallest file for an agent and a collector that share a broker:

\`\`\`yaml
secrets: replace this with a long random string
bus: { url: 'amqp://nephoscope:password@rabbit-1/' }
\`\`\`

**Environment variables** override the file. \`NEPHOSCOPE_COMPUTE__STATE_DIRECTORY=/srv/state\` sets
\`compute.stateDirectory\`: \`__\` goes one level down, \`_x\` is a capital \`X\`. A value is a number, \`true\`, \`false\`, a list or an object
in brackets as YAML writes them (\`[cpu, net]\`), or otherwise plain text; quote a text that looks like a number (\`"15"\`).
A list is set as a whole. A section of several keys with \`_\` in their names, such
as pollsters, is set as an object: \`NEPHOSCOPE_COMPUTE__POLLSTERS='{disk_device: {}}'\`.

**Time spans** are written \`500ms\`, \`10s\`, \`5m\`, \`1h\`, \`2d\`, and **sizes** \`512B\`, \`64KiB\`, \`512MiB\`, \`4GiB\`, \`1TiB\`. A number without a unit
means seconds or bytes, as in earlier versions, with a warning. **Digits** that a number would not give back (\`007\`, \`1e3\`, more than 2^53)
stay text, so that secrets and ids stay what was written.
The file is one document of YAML 1.2 in UTF-8; anchors, aliases and merge keys (\`<<: *name\`) may be used.

\`nephoscope config check\` checks a file, \`config print\` shows it with all defaults, \`config schema\` gives its JSON Schema.

<!-- Generated from the schemas in the sources by \`npm run docs\`: do not edit. -->

## All programs

${optionTable(describeSchema(z.object(ofAll)))}
Every program but the API has a section \`bus\`; the compute agent also \`inspector\` and \`compute\`, the central agent
\`openstack\` and \`central\`, the collector \`storage\`, \`collector\` and \`notifications\`. The API has \`storage\` and \`api\`.
\`bus\`, \`inspector\` and \`storage\` name a plugin by \`type\`; their other keys are that plugin's options.

## \`services\`: the services of the cloud

Set only what differs from the defaults. The collector uses it, the central agent (\`interface\`, \`resellerPrefix\`), and compute
agents with \`lastReading: nova\`.

${own(services)}
Defaults:

${defaultsOfServices(plugins)}
## \`status\`: health and metrics

${String(compute.status.description)}

${own(compute.status)}
The default port is that of the compute agent; the collector's is ${portOf(collector.status)}, the central agent's ${portOf(central.status)}, the API's ${portOf(api.status)}.

## \`bus\`: the message bus

\`type\` is \`amqp\` by default.

${ofPlugins('bus', 'bus')}
## \`inspector\`: the hypervisor (compute agent)

\`type\` is \`libvirt\` by default.

${ofPlugins('compute.virt', 'inspector')}
## \`compute\`: the compute agent

${own(compute.compute)}
${selectable('poll.compute', 'pollsters', 'compute.pollsters')}

## \`openstack\`: the cloud (central agent, and compute agent with \`discovery: nova\`)

${String(central.openstack.description)}

${own(central.openstack)}
## \`central\`: the central agent

${own(central.central)}
${selectable('poll.central', 'pollsters', 'central.pollsters')}

## \`storage\`: the sample store (collector, API)

\`type\` is \`sql\` by default.

${ofPlugins('storage', 'storage')}
## \`collector\`: the collector

${own(collector.collector)}
## \`api\`: the HTTP API

${own(api.api)}
## \`notifications\`: notifications from services (collector)

${own(collector.notifications)}
${selectable('collector', 'plugins', 'notifications.plugins')}
`;
}

/** Where each service publishes by default, and as whom. */
function defaultsOfServices(plugins: readonly FirstPartyPlugin[]): string {
  const rows = new Map<string, { readonly exchanges: Set<string>; readonly publishers: Set<string> }>();
  for (const { namespace, plugin } of plugins) {
    if (namespace !== 'collector' || plugin.service === undefined) continue;
    const row = rows.get(plugin.service) ?? { exchanges: new Set(), publishers: new Set() };
    rows.set(plugin.service, row);
    const settings = { options: {}, logger: silent, clock: systemClock, host: '' };
    const handler = plugin.create(settings) as NotificationHandler;
    for (const { exchange } of handler.exchangeTopics({ notificationTopics: ['notifications'] }))
      row.exchanges.add(exchange);
    for (const publisher of handler.publishers ?? []) row.publishers.add(publisher);
  }
  const texts = (some: ReadonlySet<string>) => [...some].map((text) => `\`${text}\``).join(', ');
  return Array.from(
    rows,
    ([name, { exchanges, publishers }]) =>
      `- \`${name}\`: \`exchange\` ${texts(exchanges)}; \`publishers\` ${texts(publishers)}\n`,
  ).join('');
}

const ignore = () => undefined;
const silent: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function portOf(status: z.ZodType): string {
  return String((describeSchema(status).properties?.['port'] ?? {}).default);
}
