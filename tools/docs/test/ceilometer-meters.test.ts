import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { wildcards } from '@nephoscope/core/options';

import { firstPartyPlugins, root } from '../plugins.js';

const readLines = async (path: string) => (await readFile(join(root, path), 'utf8')).split('\n');

/** From the table in docs/openstack.md: the Ceilometer meters that Nephoscope does not have. */
async function excused(): Promise<readonly string[]> {
  const lines = await readLines('docs/openstack.md');
  const head = lines.findIndex((line) => line.startsWith('| Ceilometer meter |'));
  const rows = lines.slice(head + 2);
  return rows
    .slice(0, rows.indexOf(''))
    .flatMap((row) => Array.from(row.split('|')[1]!.matchAll(/`([^`]+)`/g), ([, name]) => name!));
}

it('every Ceilometer meter is either supported or listed in docs/openstack.md with the reason', async () => {
  const ceilometers = (await readLines('tools/docs/test/data/ceilometer-meters.txt')).filter((line) =>
    /^[a-z]/.test(line),
  );
  expect(ceilometers.length).toBeGreaterThan(100);
  const plugins = await firstPartyPlugins();
  const ours = new Set(plugins.flatMap(({ plugin }) => plugin.meters.map(({ name }) => name)));
  const missing = ceilometers.filter((name) => !ours.has(name));
  const named = await excused();
  const isNamed = wildcards(named);
  expect({
    withoutReason: missing.filter((name) => !isNamed(name)),
    oursAndInTheTable: [...ours].filter(isNamed),
    noMeterOfCeilometer: named.filter((pattern) => !missing.some(wildcards([pattern]))),
  }).toEqual({ withoutReason: [], oursAndInTheTable: [], noMeterOfCeilometer: [] });
});
