/**
 * `npm run api-cases -- [options] [file…]`: asks the API the requests of files with cases, over databases of its own, and compares the
 * replies. Exits with code 1 if a case fails.
 */
import { parseArgs } from 'node:util';

import { startPostgresql } from '../testbed/postgresql.js';
import { groupsOf, readCases, sampleOf } from './case.js';
import { postgresqlDatabases, sqliteDatabases } from './databases.js';
import { failuresOf } from './failures-of.js';
import { serve } from './served.js';

const help = `npm run api-cases -- [options] [file…]

Asks the HTTP API the requests of files with cases (packages/api/test/data/README.md), each over a database with its samples,
and compares the replies. Without a file: those of packages/api/test/data.

  --postgresql     over a private PostgreSQL (installed if missing, as root on Debian 12) instead of SQLite
  --only REGEX     only cases whose id matches
  --without A,B    leave out cases that need one of these
  --quiet          failures and totals only
  --json           results as JSON on standard output, failures on standard error
  --help           this text

Exit code: 0 all passed, 1 some failed.
`;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    postgresql: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    without: { type: 'string', default: '' },
    quiet: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) process.stdout.write(help);
else await main();

async function main(): Promise<void> {
  const files =
    positionals.length > 0
      ? positionals
      : [new URL('../../packages/api/test/data/http-cases.json', import.meta.url)];
  const only = new RegExp(options.only);
  const without = options.without.split(',');
  const all = files.flatMap(readCases);
  const cases = all.filter(({ id, needs }) => only.test(id) && !needs.some((need) => without.includes(need)));
  const server = options.postgresql ? await startPostgresql({ settings: ['fsync = off'] }) : undefined;
  const databases = server === undefined ? await sqliteDatabases() : await postgresqlDatabases(server.url);
  const results: { id: string; era: string; needs: readonly string[]; failures: readonly string[] }[] = [];
  const say = (text: string) => void (options.json ? process.stderr : process.stdout).write(`${text}\n`);
  try {
    for (const group of groupsOf(cases)) {
      const served = await serve(await databases.make(group[0].fixtures.map(sampleOf)), group[0].settings);
      for (const one of group) {
        const failures = [...(await failuresOf(served.base, one)), ...served.failures()];
        results.push({ id: one.id, era: one.era, needs: one.needs, failures });
        if (failures.length > 0) say(`not ok ${one.id}\n  ${failures.join('\n  ')}`);
        else if (!options.quiet) say(`ok     ${one.id}`);
      }
      await served.stop();
    }
  } finally {
    await databases.remove();
    await server?.stop();
  }
  const failed = results.filter(({ failures }) => failures.length > 0).length;
  for (const era of [...new Set(results.map((one) => one.era))].sort()) {
    const some = results.filter((one) => one.era === era);
    say(`${era}: ${some.filter(({ failures }) => failures.length === 0).length} of ${some.length}`);
  }
  say(`${results.length - failed} passed, ${failed} failed, ${all.length - cases.length} left out`);
  if (options.json)
    process.stdout.write(`${JSON.stringify({ passed: results.length - failed, failed, results })}\n`);
  process.exitCode = failed === 0 ? 0 : 1;
}
