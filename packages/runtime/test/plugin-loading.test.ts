import { join } from 'node:path';

import { apiVersion } from '@nephoscope/core';
import { jest } from '@jest/globals';

import { loadPlugin } from '../src/plugin-loading.js';
import { manifest, pollsterSource, temporaryFolder, writeTree } from './deployment.js';

describe('loadPlugin', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder.remove());

  const load = async (source: string, more: object = {}) => {
    const packageDirectory = join(folder.path, 'node_modules/@scope/plugin');
    await writeTree(packageDirectory, { 'package.json': manifest('@scope/plugin', {}, more), 'cpu.js': source });
    return loadPlugin({
      namespace: 'poll.compute',
      name: 'cpu',
      packageName: '@scope/plugin',
      packageVersion: '1.2.3',
      packageDirectory,
      export: './cpu',
    });
  };
  const what = "the plugin 'cpu' (poll.compute) of @scope/plugin@1.2.3 (";
  const [major, minor] = apiVersion.split('.').map(Number) as [number, number];
  const ofVersion = (version: string) =>
    `${pollsterSource().replace('export default', 'const plugin =')}\nexport default { ...plugin, apiVersion: '${version}' };`;

  it('returns the plugin that a module exports', async () => {
    const plugin = await load(pollsterSource());
    expect(plugin.meters.map(({ name }) => name)).toEqual(['x']);
  });

  it.each([
    ['throws', 'throw new Error("out of order");', 'out of order'],
    ['is not JavaScript', 'export default {', ''],
    ['imports a missing module', "import 'not-installed-anywhere';", 'not-installed-anywhere'],
    ['declares an invalid meter', pollsterSource().replace("name: 'x'", "name: 'X Y'"), 'X Y'],
  ])('refuses code that %s', async (_, source, cause) => {
    await expect(load(source)).rejects.toMatchObject({
      code: 'PLUGIN_IMPORT',
      message: expect.stringContaining(what),
      cause: { message: expect.stringContaining(cause) },
    });
  });

  it('refuses an export that the package does not declare', async () => {
    await expect(load(pollsterSource(), { exports: { './other': './cpu.js' } })).rejects.toMatchObject({
      code: 'PLUGIN_IMPORT',
      cause: { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' },
    });
  });

  it('waits at most 10 s for code that never finishes', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    try {
      const loading = load('await new Promise(() => undefined); export default 1;').catch(
        (error: unknown) => error,
      );
      while (jest.getTimerCount() === 0) await new Promise((resolve) => setImmediate(resolve));
      await jest.advanceTimersByTimeAsync(10_000);
      expect(await loading).toMatchObject({
        code: 'PLUGIN_IMPORT',
        cause: { message: 'it was not loaded after 10 s' },
      });
    } finally {
      jest.useRealTimers();
    }
  });

  it.each([
    ['no default', 'export const plugin = 1;'],
    ['another default', 'export default { getCounters() {} };'],
    ['null as default', 'export default null;'],
  ])('refuses a module that exports %s', async (_, source) => {
    await expect(load(source)).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message: expect.stringContaining(what),
    });
  });

  it('refuses a plugin for another namespace', async () => {
    const bus =
      "import { defineMessageBus } from '@nephoscope/core/message-bus'; export default defineMessageBus({ create: () => ({}) });";
    await expect(load(bus)).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message: expect.stringContaining("declared under 'poll.compute' but is a plugin for 'bus'"),
    });
  });

  it.each([
    ['that is newer', `${major}.${minor + 1}`],
    ['of a later generation', `${major + 1}.0`],
    ['of an earlier generation', `${major - 1}.9`],
    ['of the first releases', '1.0'],
    ['that consists of objects and closures', '2.0'],
  ])('refuses a plugin made for an API %s', async (_, version) => {
    await expect(load(ofVersion(version))).rejects.toMatchObject({
      code: 'PLUGIN_API',
      message: expect.stringContaining(`API ${version}, this program has ${apiVersion}`),
    });
  });

  it('reports that a plugin was made for another version if it imports a former export of core', async () => {
    const source = "import { Backoff } from '@nephoscope/core'; export default new Backoff(1, 2);";
    await expect(load(source)).rejects.toMatchObject({
      code: 'PLUGIN_API',
      message: expect.stringContaining(`another version of @nephoscope/core than this program`),
    });
  });

  it('accepts a plugin made for the same API', async () => {
    await expect(load(ofVersion(apiVersion))).resolves.toMatchObject({ apiVersion });
  });
});
