import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { parseTimestamp } from '@nephoscope/core';
import { systemClock } from '@nephoscope/runtime';
import sql from '@nephoscope/storage-sql';
import { RecordingLogger } from '@nephoscope/testing';
import { DatabaseSync } from '@photostructure/sqlite';

import { fences } from '../../../tools/docs/markdown.js';
import { sampleOf, secret } from './sample.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nephoscope-page-'));
  await mkdir(join(folder, 'nephoscope-data'));
  const config = `secrets: "${secret.reveal()}"\nstorage: { url: "sqlite:${join(folder, 'samples.db')}" }\n`;
  await writeFile(join(folder, 'nephoscope-data/nephoscope.yaml'), config, { mode: 0o600 });
  const program = join(folder, 'nephoscope');
  await writeFile(
    program,
    `#!/bin/sh\nexec '${process.execPath}' '${root}/packages/nephoscope/dist/cli.js' "$@"\n`,
  );
  await chmod(program, 0o755);
});
afterEach(() => rm(folder, { recursive: true }));

async function run(line: string) {
  const child = spawn('bash', ['-c', line], {
    cwd: folder,
    env: { PATH: `${folder}:${process.env['PATH'] ?? ''}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await once(child, 'close');
  return { stdout, stderr };
}

async function recordOctober(): Promise<void> {
  const options = sql.options.parse({ url: `sqlite:${join(folder, 'samples.db')}` });
  const store = sql.create({ options, logger: new RecordingLogger(), clock: systemClock, host: 'tests' });
  await store.start(new AbortController().signal);
  const samples = [1, 2, 3, 33].map((day) =>
    sampleOf(
      { timestamp: parseTimestamp('2026-10-01T00:00:00') + BigInt(day) * 86_400_000_000_000n },
      { messageId: `day-${day}` },
    ),
  );
  await store.record(samples);
  await store.stop();
}

/** An SQLite file of Ceilometer, and the columns that a query finds in it. */
function ceilometerDatabase(query: string): readonly string[] {
  const database = new DatabaseSync(join(folder, 'ceilometer.sqlite'));
  database.exec(`
    create table meter (id integer primary key, name text, type text, unit text);
    create table resource (internal_id integer primary key, resource_id text, user_id text, project_id text, source_id text, resource_metadata text);
    create table sample (id integer primary key, meter_id integer, resource_id integer, volume float, timestamp datetime, message_id text);
    insert into meter values (1, 'cpu', 'cumulative', 'ns');
    insert into resource values (3, 'web', 'u', 'p', 'openstack', '{}');
    insert into sample values (7, 1, 3, 1, '2014-02-24 22:00:32.747930', 'id-1'), (9, 1, 3, 2, '2014-02-24 22:10:32', 'id-2')`);
  const rows = database.prepare(query).all() as object[];
  database.close();
  expect(rows).toHaveLength(2);
  return Object.keys(rows[0] ?? {});
}

it('the commands of the page on import and export print the output that is beside them', async () => {
  const blocks = fences(await readFile(join(root, 'docs/import-and-export.md'), 'utf8'));
  await recordOctober();
  const columns = ceilometerDatabase(blocks.find(({ language }) => language === 'sql')?.code ?? '');
  let commands = 0;
  for (const { code, language } of blocks) {
    if (language !== 'console') continue;
    for (const [, line = '', output = ''] of code.matchAll(/^\$ (.*)\n((?:(?!\$ ).*\n)*)/gm)) {
      commands += 1;
      const [, shown] = /^cat (\S+)$/.exec(line) ?? [];
      if (shown !== undefined) {
        await writeFile(join(folder, shown), output);
        if (shown === 'samples.csv') expect(output.split('\n')[0]).toBe(columns.join(','));
        continue;
      }
      const { stdout, stderr } = await run(line);
      const printed = [stdout, stderr].map((text) => text.replaceAll(/\b([0-9a-f]{8})[0-9a-f]{56}\b/g, 'HASH'));
      expect({ line, printed }).toEqual({
        line,
        printed: expect.arrayContaining([output.replaceAll(/\b[0-9a-f]{8}…/g, 'HASH')]) as unknown,
      });
    }
  }
  expect(commands).toBeGreaterThan(10);
}, 120_000);
