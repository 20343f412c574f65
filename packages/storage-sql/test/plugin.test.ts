import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { asPlugin } from '@nephoscope/core';

import plugin from '../src/index.js';
import { sqlitePath } from '../src/sqlite/connection.js';
import { storeAt } from './store-at.js';

it('is the storage plugin that its package declares', () => {
  const declared = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    nephoscope: unknown;
  };
  expect(declared.nephoscope).toMatchObject({ storage: { sql: '.' } });
  expect(asPlugin(plugin, 'storage', 'test')).toBe(plugin);
});

it('has a default path without options', () => {
  expect(plugin.options.parse({})).toEqual({ url: 'sqlite:/var/lib/nephoscope/samples.db', tls: {} });
});

it.each(['mysql://localhost/x', '/var/lib/x.db', 'sqlite:', 'sqlite://host/x.db', 'sqlite:x.db?mode=ro'])(
  'refuses the URL %s',
  (url) => {
    expect(plugin.options.safeParse({ url }).error?.issues[0]).toMatchObject({
      path: ['url'],
      message: expect.stringContaining('sqlite:/var'),
    });
  },
);

it('reports a path with additional slashes', () => {
  const { error } = plugin.options.safeParse({ url: 'sqlite:///var/lib/samples.db' });
  expect(error?.issues[0]?.message).toContain('without //');
});

it('refuses a misspelt option', () => {
  expect(plugin.options.safeParse({ uri: 'sqlite:x.db' }).success).toBe(false);
});

it('resolves relative paths from the working directory', () => {
  expect(sqlitePath('sqlite:data/samples.db')).toBe(join(process.cwd(), 'data/samples.db'));
});

it('creates the folders of its file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nephoscope-store-'));
  const path = join(folder, 'a/b/samples.db');
  const store = storeAt(path);
  await store.start(new AbortController().signal);
  await store.stop();
  expect(existsSync(path)).toBe(true);
  rmSync(folder, { recursive: true });
});

it('refuses an in-memory database, which no other connection could read', () => {
  const { error } = plugin.options.safeParse({ url: 'sqlite::memory:' });
  expect(error?.issues[0]?.message).toContain('nothing that anybody could read');
});
