import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Secret } from '@nephoscope/core/options';

import { TokenStore, isOwnToken } from '../../src/access/token-store.js';

let folder: string;
let directory: string;
let store: TokenStore;

/** None is expected. */
const unusable = (error: Error): never => {
  throw error;
};
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nephoscope-tokens-'));
  directory = join(folder, 'tokens');
  store = new TokenStore(directory);
});
afterEach(() => rmSync(folder, { recursive: true }));

const make = (name = 'billing', expires: Date | null = null) =>
  store.create({ name, scope: { project: 'p' }, role: 'reader', expires });
const code = (wanted: string) => expect.objectContaining({ code: wanted });

it('finds a token only by its complete text', async () => {
  const { token, record } = await make();
  const { token: other } = await make('other');
  expect(isOwnToken(token)).toBe(true);
  expect(record).toMatchObject({ name: 'billing', scope: { project: 'p' }, role: 'reader', expires: null });
  expect(await store.find(token)).toEqual(record);
  const [text, otherText] = [token.reveal(), other.reveal()];
  for (const wrong of [
    `${text}x`,
    text.slice(0, -1),
    text.slice(0, 27) + otherText.slice(27),
    'nephoscope_',
    `nephoscope_../../../../etc/passwd_${'x'.repeat(43)}`,
    `nephoscope_${'0'.repeat(16)}_${'x'.repeat(43)}`,
  ])
    expect(await store.find(new Secret(wrong))).toBeUndefined();
});

it('stores nothing secret of a token, in files that only their owner can read', async () => {
  const { token, record } = await make();
  expect(readdirSync(directory)).toEqual([`${record.id}.json`]);
  const path = join(directory, `${record.id}.json`);
  expect(readFileSync(path, 'utf8')).not.toContain(token.reveal().slice(-43));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
});

it('does not find an expired token', async () => {
  const { token } = await make('past', new Date(Date.now() - 1));
  expect(await store.find(token)).toBeUndefined();
  const { token: present } = await make('present', new Date(Date.now() + 60_000));
  expect(await store.find(present)).toMatchObject({ name: 'present' });
});

it('does not find a token that was revoked by its name or id', async () => {
  const [{ token, record }, { token: other }] = [await make('a'), await make('b')];
  expect(await store.revoke(record.id)).toBe(true);
  expect(await store.revoke('b')).toBe(true);
  expect([await store.find(token), await store.find(other), await store.list(unusable)]).toEqual([
    undefined,
    undefined,
    [],
  ]);
  expect(await store.revoke('b')).toBe(false);
});

it('lists the other tokens beside files that cannot be used, and removes those by their ids', async () => {
  const records = [await make('damaged'), await make('written'), await make('linked'), await make('sound')].map(
    ({ record }) => record,
  );
  const [damaged, written, linked] = records.map(({ id }) => join(directory, `${id}.json`)) as [
    string,
    string,
    string,
  ];
  writeFileSync(damaged, '{');
  chmodSync(written, 0o666);
  rmSync(linked);
  symlinkSync('/dev/null', linked);
  const told: string[] = [];
  const listed = await store.list(({ message }) => void told.push(message));
  expect(listed.map(({ name }) => name)).toEqual(['sound']);
  expect(told).toHaveLength(3);
  for (const path of [damaged, written, linked]) expect(told.join()).toContain(path);
  await expect(make('another')).resolves.toBeDefined();
  expect(await store.revoke('damaged')).toBe(false);
  for (const { id } of records) expect(await store.revoke(id)).toBe(true);
  expect((await store.list(unusable)).map(({ name }) => name)).toEqual(['another']);
});

it.each(['aaa ', ' aaa', '\taaa'])('refuses %j as a name and as a project', async (text) => {
  await expect(make(text)).rejects.toEqual(code('TOKEN_INVALID'));
  const scope = { project: text };
  await expect(store.create({ name: 'a', scope, role: 'reader', expires: null })).rejects.toThrow('blank');
  expect(await store.list(unusable)).toEqual([]);
});

it('lists tokens by name, and none before the first was created', async () => {
  expect(await store.list(unusable)).toEqual([]);
  await make('b');
  await make('a');
  expect((await store.list(unusable)).map(({ name }) => name)).toEqual(['a', 'b']);
});

it('refuses a name that is in use, and an empty name', async () => {
  await make();
  await expect(make()).rejects.toEqual(code('TOKEN_INVALID'));
  await expect(make('')).rejects.toEqual(code('TOKEN_INVALID'));
});

describe('refuses a token file', () => {
  const path = async () => {
    const { token, record } = await make();
    return { token, file: join(directory, `${record.id}.json`), record };
  };

  it('that others can write', async () => {
    const { token, file } = await path();
    chmodSync(file, 0o620);
    await expect(store.find(token)).rejects.toEqual(code('TOKEN_INVALID'));
  });

  it.each([
    ['that is truncated', (text: string) => text.slice(0, 40)],
    ['with a different id', (text: string) => text.replace(/"id":"[^"]*"/, `"id":"${'0'.repeat(16)}"`)],
    ['with an additional member', (text: string) => text.replace('{', '{"more":1,')],
  ])('%s', async (_, edit) => {
    const { token, file } = await path();
    writeFileSync(file, edit(readFileSync(file, 'utf8')));
    await expect(store.find(token)).rejects.toEqual(code('TOKEN_INVALID'));
  });

  it('that is a link', async () => {
    const { token, file } = await path();
    const elsewhere = join(folder, 'elsewhere.json');
    writeFileSync(elsewhere, readFileSync(file));
    rmSync(file);
    symlinkSync(elsewhere, file);
    await expect(store.find(token)).rejects.toEqual(code('TOKENS_UNAVAILABLE'));
  });

  it('if the directory is not a directory', async () => {
    writeFileSync(directory, '');
    await expect(make()).rejects.toEqual(code('TOKENS_UNAVAILABLE'));
    await expect(store.list(unusable)).rejects.toEqual(code('TOKENS_UNAVAILABLE'));
  });
});
