import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { SampleReader } from '@nephoscope/core/sample-store';
import { FakeBus, RecordingLogger } from '@nephoscope/testing';
import type { FastifyInstance } from 'fastify';

import { fences } from '../../../tools/docs/markdown.js';
import { loopbackCaller } from '../src/access/caller.js';
import { apiOptions } from '../src/options.js';
import { createServer, listen } from '../src/server.js';
import { world } from './cases/world.js';
import { publisherOn } from './publisher.js';
import { Stores } from './store.js';

// What docs/api.md and the package's README say can be asked.

const pageOf = (path: string) => readFile(new URL(path, import.meta.url), 'utf8');
const pages = await Promise.all(['../../../docs/api.md', '../README.md'].map(pageOf));

/** The commands of the pages' shell blocks that ask something, each on one line. */
const commands = pages
  .flatMap((page) => fences(page.replaceAll(/^ {2}(?=\S|$)/gm, '')))
  .filter(({ language }) => language === 'sh')
  .flatMap(({ code }) => code.replaceAll('\\\n', '').split(/\n(?=curl|tail|head|nephoscope|npm)/))
  .filter((line) => line.startsWith('curl '));

/** The paths of a table's first column, for each name in braces. */
function pathsOf(page: string): string[] {
  const cells = page.split('\n').flatMap((line) => /^\| (`\/v[12]\/[^|]*)\|/.exec(line)?.[1] ?? []);
  const patterns = cells.flatMap((cell) => Array.from(cell.matchAll(/`([^`]+)`/g), ([, path = '']) => path));
  return patterns.filter((path) => !path.includes('…')).flatMap(expanded);
}

function expanded(path: string): string[] {
  const [whole, names = ''] = /\{([^}]*,[^}]*)\}/.exec(path) ?? [];
  return whole === undefined ? [path] : names.split(',').flatMap((name) => expanded(path.replace(whole, name)));
}

const ids = { resources: 'r1', projects: 'p1', users: 'u1', sources: 'openstack', samples: 'c1' };
const named = (path: string) =>
  path
    .replaceAll(/(\w+)\/\{id\}/g, (_, kind: keyof typeof ids) => `${kind}/${ids[kind]}`)
    .replaceAll('{meter}', 'cpu');

const stores = new Stores();
let folder: string;
let reader: SampleReader;
let server: FastifyInstance;
let url: string;
beforeAll(async () => {
  await stores.prepare();
  folder = await mkdtemp(join(tmpdir(), 'nephoscope-page-'));
  reader = await stores.reader(world);
  server = createServer({
    ...{ options: apiOptions.parse({}), reader, publisher: publisherOn(new FakeBus()) },
    ...{ logger: new RecordingLogger(), authenticate: () => loopbackCaller },
  });
  url = await listen(server, { address: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await server.close();
  await reader.stop();
  stores.remove();
  await rm(folder, { recursive: true });
});

it('has commands and paths', () => {
  expect(commands.length).toBeGreaterThan(5);
  expect(pages.flatMap(pathsOf).length).toBeGreaterThan(20);
});

it.each(commands)('%s', async (command) => {
  const asked = command.replaceAll('http://127.0.0.1:8777', url).replace('curl', 'curl --fail-with-body -sS');
  expect(await promisify(execFile)('sh', ['-c', asked], { cwd: folder })).toMatchObject({ stderr: '' });
});

it.each(pages.flatMap(pathsOf).map(named))('GET %s', async (path) => {
  expect(await fetch(url + path)).toMatchObject({ status: 200 });
});

it('/ names each version, and where /v3 is described', async () => {
  const { versions } = (await (await fetch(`${url}/`)).json()) as {
    versions: { values: readonly { id: string; links: readonly { rel: string; href: string }[] }[] };
  };
  expect(versions.values.map(({ id }) => id)).toEqual(['v2', 'v3']);
  const described = versions.values[1]?.links.find(({ rel }) => rel === 'describedby')?.href ?? '';
  expect(described.startsWith(url)).toBe(true);
  expect(await (await fetch(described)).json()).toMatchObject({ openapi: expect.stringMatching(/^3\.1/) });
});

it('an export of the page is checked as it says', async () => {
  const asked = `curl -sS -H 'Accept: text/csv' '${url}/v3/samples?meter=cpu' -o cpu.csv; tail -n 1 cpu.csv; head -n -1 cpu.csv | sha256sum`;
  const { stdout } = await promisify(execFile)('sh', ['-c', asked], { cwd: folder });
  const [, sum, other] = /^#end,count=3,sha256=([0-9a-f]{64})\n([0-9a-f]{64}) /.exec(stdout) ?? [];
  expect(sum).toBeDefined();
  expect(other).toBe(sum);
});
