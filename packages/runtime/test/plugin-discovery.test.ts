import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';

import { discoverPlugins, origin } from '../src/plugin-discovery.js';
import { manifest, temporaryFolder, writeTree } from './deployment.js';

describe('discoverPlugins', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder.remove());

  const write = (files: Readonly<Record<string, unknown>>) => writeTree(folder.path, files);
  const discover = (program = 'node_modules/program') => discoverPlugins(join(folder.path, program));
  /** `namespace name: folder of its package` */
  const found = (program?: string) =>
    discover(program).map(
      (one) => `${one.namespace} ${one.name}: ${one.packageDirectory.slice(folder.path.length + 1)}`,
    );

  it('finds the plugins that the deployment, its dependencies, the program and its dependencies declare', async () => {
    await write({
      'package.json': { dependencies: { program: '1', '@scope/plugin': '1' } },
      'node_modules/program/package.json': manifest(
        'program',
        { 'poll.compute': ['cpu'] },
        { dependencies: { bus: '1', plain: '1' } },
      ),
      'node_modules/bus/package.json': manifest('bus', { bus: ['amqp'] }),
      'node_modules/plain/package.json': manifest('plain'),
      'node_modules/@scope/plugin/package.json': manifest('@scope/plugin', { 'poll.compute': ['wear', 'heat'] }),
    });
    expect(found()).toEqual([
      'bus amqp: node_modules/bus',
      'poll.compute cpu: node_modules/program',
      'poll.compute heat: node_modules/@scope/plugin',
      'poll.compute wear: node_modules/@scope/plugin',
    ]);
    const [bus] = discover();
    expect(bus).toEqual({
      namespace: 'bus',
      name: 'amqp',
      packageName: 'bus',
      packageVersion: '1.2.3',
      packageDirectory: join(folder.path, 'node_modules/bus'),
      export: './amqp',
    });
    expect(origin(bus!)).toBe(`bus@1.2.3 (${join(folder.path, 'node_modules/bus')})`);
  });

  it('reads the stability level of a package', async () => {
    const declares = (declared: object) => ({ name: 'program', version: '1.2.3', nephoscope: declared });
    const stability = async (declared: object) => {
      await write({ 'program/package.json': declares({ ...declared, bus: { mine: '.' } }) });
      return discover('program').map((one) => one.stability);
    };
    expect(await stability({ stability: 'beta' })).toEqual(['beta']);
    expect(await stability({})).toEqual([undefined]);
    await expect(stability({ stability: 'perfect' })).rejects.toMatchObject({
      code: 'PLUGIN_DECLARATION',
      message: expect.stringContaining("'stability' must be one of stable, beta, experimental") as unknown,
    });
  });

  it('ignores plugins of indirect dependencies', async () => {
    await write({
      'package.json': { dependencies: { program: '1', plugin: '1' }, devDependencies: { tool: '1' } },
      'node_modules/program/package.json': manifest(
        'program',
        {},
        { dependencies: { direct: '1' }, devDependencies: { tool: '1' } },
      ),
      'node_modules/direct/package.json': manifest('direct', {}, { dependencies: { stranger: '1' } }),
      'node_modules/plugin/package.json': manifest(
        'plugin',
        { bus: ['mine'] },
        { dependencies: { stranger: '1' } },
      ),
      'node_modules/stranger/package.json': manifest('stranger', { bus: ['strange'] }),
      'node_modules/tool/package.json': manifest('tool', { bus: ['tool'] }),
      'node_modules/unasked/package.json': manifest('unasked', { bus: ['unasked'] }),
    });
    expect(found()).toEqual(['bus mine: node_modules/plugin']);
  });

  it('finds all packages at the top of a global installation, which has no package.json', async () => {
    await write({
      'node_modules/program/package.json': manifest('program', {}, { dependencies: { bus: '1' } }),
      'node_modules/program/node_modules/bus/package.json': manifest(
        'bus',
        { bus: ['amqp'] },
        { dependencies: { stranger: '1' } },
      ),
      'node_modules/program/node_modules/stranger/package.json': manifest('stranger', { bus: ['strange'] }),
      'node_modules/plugin/package.json': manifest('plugin', { bus: ['top'] }),
      'node_modules/@scope/plugin/package.json': manifest('@scope/plugin', { bus: ['scoped'] }),
      'node_modules/.cache/package.json': manifest('cache', { bus: ['cached'] }),
      'node_modules/not-a-package/readme.txt': 'x',
    });
    expect(found()).toEqual([
      'bus amqp: node_modules/program/node_modules/bus',
      'bus scoped: node_modules/@scope/plugin',
      'bus top: node_modules/plugin',
    ]);
  });

  it('finds the nearest of several copies, as Node does, and the deployment of a program in a deeper folder', async () => {
    await write({
      'package.json': { dependencies: { nephoscope: '1', plugin: '1' } },
      'node_modules/plugin/package.json': manifest('plugin', { storage: ['far'] }),
      'node_modules/nephoscope/node_modules/program/package.json': manifest(
        'program',
        {},
        { dependencies: { bus: '1' } },
      ),
      'node_modules/nephoscope/node_modules/bus/package.json': manifest('bus', { bus: ['near'] }),
      'node_modules/nephoscope/package.json': manifest('nephoscope'),
      'node_modules/bus/package.json': manifest('bus', { bus: ['top'] }),
    });
    expect(found('node_modules/nephoscope/node_modules/program')).toEqual([
      'bus near: node_modules/nephoscope/node_modules/bus',
      'storage far: node_modules/plugin',
    ]);
  });

  it('follows links in a workspace', async () => {
    await write({
      'packages/program/package.json': manifest(
        'program',
        { 'poll.compute': ['cpu'] },
        { dependencies: { bus: '1' } },
      ),
      'packages/bus/package.json': manifest('bus', { bus: ['amqp'] }),
    });
    await symlink('../packages/program', join(folder.path, 'node_modules/program'));
    await symlink('../packages/bus', join(folder.path, 'node_modules/bus'));
    expect(found()).toEqual(['bus amqp: packages/bus', 'poll.compute cpu: packages/program']);
    expect(found('packages/program')).toEqual(found());
  });

  it('ignores a missing optional dependency, but no other one', async () => {
    const program = (more: object) => ({
      'node_modules/program/package.json': manifest('program', { bus: ['b'] }, more),
    });
    await write({ 'package.json': {}, ...program({ optionalDependencies: { absent: '1' } }) });
    expect(found()).toEqual(['bus b: node_modules/program']);
    await write(program({ dependencies: { absent: '1' } }));
    expect(() => discover()).toThrow(
      expect.objectContaining({
        code: 'PLUGIN_DECLARATION',
        message: `absent is a dependency in ${join(folder.path, 'node_modules/program/package.json')} and is not installed: run npm install there`,
      }),
    );
  });

  it('uses the deployment’s copy if a package is installed twice', async () => {
    await write({
      'package.json': { dependencies: { program: '1', bus: '2' } },
      'node_modules/bus/package.json': manifest('bus', { bus: ['amqp'] }, { version: '2.0.0' }),
      'node_modules/program/package.json': manifest('program', {}, { dependencies: { bus: '1' } }),
      'node_modules/program/node_modules/bus/package.json': manifest(
        'bus',
        { bus: ['amqp', 'old'] },
        { version: '1.0.0' },
      ),
    });
    expect(discover().map(origin)).toEqual([`bus@2.0.0 (${join(folder.path, 'node_modules/bus')})`]);
  });

  it('refuses two different packages with the same name, and reports both folders', async () => {
    await write({
      'package.json': { dependencies: { program: '1', one: '1', other: '1' } },
      'node_modules/program/package.json': manifest('program', { 'poll.central': ['cpu'] }),
      'node_modules/one/package.json': manifest('one', { 'poll.compute': ['cpu'] }),
      'node_modules/other/package.json': manifest('other', { 'poll.compute': ['cpu'] }),
    });
    const place = (name: string) => `${name}@1.2.3 (${join(folder.path, 'node_modules', name)})`;
    expect(() => discover()).toThrow(
      expect.objectContaining({
        code: 'PLUGIN_TWICE',
        message: `two packages declare the plugin 'cpu' for 'poll.compute': ${place('one')} and ${place('other')}; uninstall one of them`,
      }),
    );
    await rm(join(folder.path, 'node_modules/other'), { recursive: true });
    await write({ 'package.json': { dependencies: { program: '1', one: '1' } } });
    expect(found()).toEqual(['poll.central cpu: node_modules/program', 'poll.compute cpu: node_modules/one']);
  });

  it.each([
    ['an array', [], 'must be an object of namespaces'],
    [
      'an unknown namespace',
      { 'poll.compte': { a: '.' } },
      "there is no namespace 'poll.compte'; there are poll.compute, ",
    ],
    ['a namespace without names', { bus: './bus' }, "'bus' must be an object of names"],
    ['a name with capitals', { bus: { Amqp: '.' } }, "'Amqp' is not a plugin name"],
    [
      'a target that is not a string',
      { bus: { amqp: 5 } },
      "'amqp' must name an export of the package, such as './amqp'",
    ],
    ['a target outside the exports', { bus: { amqp: '/etc/x.js' } }, "'amqp' must name an export of the package"],
  ])('refuses a declaration with %s', async (_, nephoscope, problem) => {
    await write({ 'package.json': {}, 'node_modules/program/package.json': { name: 'program', nephoscope } });
    expect(() => discover()).toThrow(
      expect.objectContaining({
        code: 'PLUGIN_DECLARATION',
        message: expect.stringContaining(
          `'nephoscope' in ${join(folder.path, 'node_modules/program/package.json')}: ${problem}`,
        ),
      }),
    );
  });

  it.each([['{ "name": '], ['null'], ['[]']])('refuses %j as a package.json', async (text) => {
    await write({
      'package.json': { dependencies: { program: '1', bad: '1' } },
      'node_modules/program/package.json': manifest('program'),
      'node_modules/bad/package.json': text,
    });
    expect(() => discover()).toThrow(
      expect.objectContaining({
        code: 'PLUGIN_DECLARATION',
        message: expect.stringContaining(join(folder.path, 'node_modules/bad/package.json')),
      }),
    );
  });

  it('requires a package.json of the program', async () => {
    await mkdir(join(folder.path, 'empty'));
    expect(() => discover('empty')).toThrow(expect.objectContaining({ code: 'PLUGIN_DECLARATION' }));
  });
});
