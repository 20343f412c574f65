import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { DatabaseSync } from '@photostructure/sqlite';

import { imported, problemsOf, samplesOf } from './entries.js';

const folder = mkdtempSync(join(tmpdir(), 'nephoscope-ceilometer-'));
afterAll(() => rmSync(folder, { recursive: true }));

function databaseWith(name: string, text: string): { readonly path: string } {
  const path = join(folder, `${name}.sqlite`);
  const database = new DatabaseSync(path);
  database.exec(text);
  database.close();
  return { path };
}

const time = '2014-02-24 22:00:32.747930';
const metadata = '{"display_name": "web", "size": 1.50}';

/** The tables as Ceilometer's migrations left them, without the columns that no sample needs. */
const schemas = {
  'of 2012': `
    create table meter (id integer primary key, counter_name varchar(255), user_id varchar(255), project_id varchar(255), resource_id varchar(255),
      resource_metadata text, counter_type varchar(255), counter_volume float, counter_unit varchar(255), timestamp datetime, message_signature varchar(1000), message_id varchar(1000));
    create table source (id varchar(255) primary key);
    create table sourceassoc (source_id varchar(255), user_id varchar(255), project_id varchar(255), resource_id varchar(255), meter_id integer);
    insert into meter values (7, 'cpu', 'u', 'p', 'web', '${metadata}', 'cumulative', 8292646586825371460, 'ns', '${time}', 'x', 'id-1'),
      (9, 'cpu', null, 'p', 'web', '${metadata}', 'cumulative', 1e-07, 'ns', '${time}', 'x', 'id-2');
    insert into sourceassoc values ('openstack', 'u', 'p', 'web', 7), ('openstack', null, 'p', 'web', 9)`,
  'of 2014, with meters in a table': `
    create table meter (id integer primary key, name varchar(255), type varchar(255), unit varchar(255));
    create table sample (id integer primary key, user_id varchar(255), project_id varchar(255), resource_id varchar(255), resource_metadata text,
      volume float, timestamp datetime, message_id varchar(128), source_id varchar(255), meter_id integer, recorded_at datetime);
    insert into meter values (1, 'cpu', 'cumulative', 'ns');
    insert into sample values (7, 'u', 'p', 'web', '${metadata}', 8292646586825371460, '${time}', 'id-1', 'openstack', 1, null),
      (9, null, 'p', 'web', '${metadata}', 1e-07, '${time}', 'id-2', 'openstack', 1, null)`,
  'of 2015, with resources in a table': `
    create table meter (id integer primary key, name varchar(255), type varchar(255), unit varchar(255));
    create table resource (internal_id integer primary key, resource_id varchar(255), user_id varchar(255), project_id varchar(255), source_id varchar(255),
      resource_metadata text, metadata_hash varchar(32));
    create table sample (id integer primary key, meter_id integer, resource_id integer, volume float, timestamp datetime, recorded_at datetime, message_id varchar(128));
    insert into meter values (1, 'cpu', 'cumulative', 'ns');
    insert into resource values (3, 'web', 'u', 'p', 'openstack', '${metadata}', 'x'), (4, 'web', null, 'p', 'openstack', '${metadata}', 'x');
    insert into sample values (7, 1, 3, 8292646586825371460, '${time}', null, 'id-1'), (9, 1, 4, 1e-07, '${time}', null, 'id-2')`,
};

it.each(Object.entries(schemas))('takes over the tables %s', async (name, text) => {
  const { entries } = await imported(databaseWith(name, text));
  expect(problemsOf(entries)).toEqual([]);
  expect(entries.map(({ place }) => place)).toEqual(['FILE row 7', 'FILE row 9']);
  const common = {
    meter: 'cpu',
    type: 'cumulative',
    unit: 'ns',
    projectId: 'p',
    resourceId: 'web',
    source: 'openstack',
  };
  expect(samplesOf(entries)).toMatchObject([
    { ...common, messageId: 'id-1', userId: 'u', volume: '8292646586825372000' },
    { ...common, messageId: 'id-2', userId: null, volume: '1e-7' },
  ]);
  // The database has a float. Its value is kept.
  expect(Number('8292646586825372000')).toBe(Number('8292646586825371460'));
  expect(samplesOf(entries)[0]?.text).toContain('"size":1.50');
});

it('reads more rows than fit into one page, and reports those without a meter or resource', async () => {
  const rows = Array.from(
    { length: 2_500 },
    (_, at) => `(${at - 5}, 1, ${at === 1_234 ? 8 : 3}, 1, '${time}', null, 'id-${at}')`,
  );
  const [, insert = ''] = /^(.*)insert into sample/s.exec(schemas['of 2015, with resources in a table']) ?? [];
  const { entries } = await imported(
    databaseWith('many', `${insert} insert into sample values ${rows.join(', ')}`),
  );
  expect(samplesOf(entries)).toHaveLength(2_499);
  expect(problemsOf(entries)).toEqual(['FILE row 1229 unreadable metering message: resource_id is not a string']);
});

it('refuses a file that is not Ceilometer’s, or is damaged', async () => {
  await expect(imported(databaseWith('other', 'create table sample (id integer)'))).rejects.toMatchObject({
    code: 'IMPORT_UNREADABLE',
  });
  const path = join(folder, 'damaged.sqlite');
  writeFileSync(path, Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(5_000, 1)]));
  await expect(imported({ path })).rejects.toMatchObject({ code: 'SQLITE_FILE' });
  await expect(imported({ path: join(folder, 'nothing') })).rejects.toMatchObject({ code: 'IMPORT_UNREADABLE' });
});
