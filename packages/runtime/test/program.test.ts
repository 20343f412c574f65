import { inspect } from 'node:util';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describeError } from '@nephoscope/core';
import { byteSize, duration, ignoredOption, refusedOption } from '@nephoscope/core/options';
import type { Secret } from '@nephoscope/core/options';
import { z } from 'zod';

import { readConfig } from '../src/config-file.js';
import { ConfigInvalid } from '../src/config-problems.js';
import { createPlugin } from '../src/plugin-selection.js';
import { busSection, commonSections, configure, selectionOptions } from '../src/program.js';
import type { ProgramDefinition } from '../src/program.js';
import { statusOptions } from '../src/status-server.js';
import { manifest, pollsterSource, temporaryFolder, writeTree } from './deployment.js';

const sections = {
  ...commonSections,
  bus: busSection,
  compute: z
    .strictObject({
      interval: duration().prefault('10m'),
      spool: byteSize().optional(),
      batch: ignoredOption('1,000 are taken at a time; remove the key'),
      exchange: refusedOption('write services.nova.exchange'),
      limit: z.number().int().min(1).default(5),
      groups: z.array(z.strictObject({ name: z.string(), meters: z.array(z.string()).min(1) })).default([]),
      ...selectionOptions('pollsters'),
      pollsters: z.record(z.string(), z.unknown()).default({}),
    })
    .prefault({}),
  status: statusOptions(1),
};

const busSource = `
import { defineMessageBus } from '@nephoscope/core/message-bus';
import { z } from 'zod';
export default defineMessageBus({ options: z.strictObject({ url: z.string(), heartbeat: z.int().default(10) }), create: ({ options }) => options });
`;

describe('configure', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let program: ProgramDefinition<typeof sections>;
  let path: string;

  beforeEach(async () => {
    folder = await temporaryFolder();
    path = join(folder.path, 'n.yaml');
    const directory = join(folder.path, 'node_modules/program');
    await writeTree(folder.path, {
      'package.json': { dependencies: { program: '1', plugins: '1' } },
      'node_modules/program/package.json': manifest('program'),
      'node_modules/plugins/package.json': manifest('plugins', {
        bus: ['amqp'],
        'poll.compute': ['cpu', 'net', 'broken'],
      }),
      'node_modules/plugins/amqp.js': busSource,
      'node_modules/plugins/cpu.js': pollsterSource('depth: z.int().default(3)'),
      'node_modules/plugins/net.js': pollsterSource('', '', 'net'),
      'node_modules/plugins/broken.js': 'globalThis.brokenWasImported = true; throw new Error("out of order");',
    });
    program = {
      name: 'program',
      directory,
      sections,
      chosen: { bus: 'bus' },
      selected: { compute: { namespace: 'poll.compute', options: 'pollsters' } },
    };
  });
  afterEach(() => folder.remove());

  const read = async (text: string, environment: NodeJS.ProcessEnv = {}) => {
    await writeFile(path, text);
    return configure(program, await readConfig(path, environment));
  };
  /** The lines of the error, without the name of the file. */
  const mistakes = async (text: string, environment: NodeJS.ProcessEnv = {}): Promise<string[]> => {
    const error = await read(text, environment).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof ConfigInvalid)) throw new Error('it was not refused', { cause: error });
    return error.message
      .replaceAll(path, 'FILE')
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  };
  const minimal = 'secrets: hush of the tests\nbus: { url: amqp://x }\n';

  describe('written for an earlier version', () => {
    const told = async (text: string, environment: NodeJS.ProcessEnv = {}) => {
      const { config, warnings } = await read(`${minimal}${text}`, environment);
      return {
        ...config.compute,
        warnings: warnings.map((one) => one.replaceAll(path, 'FILE')).filter((one) => one.startsWith('compute')),
      };
    };

    it('accepts removed options without effect, and warns with their position', async () => {
      expect(await told('compute:\n  batch: { samples: 5 }\n')).toMatchObject({
        interval: 600_000,
        warnings: ['compute.batch: has no effect any more: 1,000 are taken at a time; remove the key (FILE:4)'],
      });
    });

    it('refuses removed options that affected what is metered, and names the replacement', async () => {
      expect(await mistakes(`${minimal}compute: { exchange: nova }\n`)).toEqual([
        'compute.exchange: write services.nova.exchange (FILE:3)',
      ]);
    });

    it('does not suggest removed options for a misspelt key', async () => {
      const [mistake] = await mistakes(`${minimal}compute: { exchang: nova }\n`);
      expect(mistake).not.toContain('exchange');
    });

    it('accepts time spans and sizes without a unit, and warns how to write them', async () => {
      const environment = { NEPHOSCOPE_COMPUTE__INTERVAL: '60' };
      expect(await told('compute: { interval: 90, spool: 4096 }\n', environment)).toMatchObject({
        interval: 60_000,
        spool: 4_096,
        warnings: [
          'compute.interval: a time span is written with its unit: 60s instead of 60 (NEPHOSCOPE_COMPUTE__INTERVAL)',
          'compute.spool: a size is written with its unit: 4096B instead of 4096 (FILE:3)',
        ],
      });
    });

    it('warns of nothing if it has no such option', async () => {
      expect(await told('compute: { interval: 90s, spool: 4KiB }\n')).toMatchObject({ warnings: [] });
    });
  });

  it('fills in defaults and gives plugins their options', async () => {
    const { config, chosen, selected } = await read(`${minimal}compute: { pollsters: { cpu: { depth: 7 } } }\n`);
    expect(config).toMatchObject({
      source: 'openstack',
      log: { level: 'info' },
      compute: { interval: 600_000, limit: 5 },
      status: { address: '127.0.0.1', port: 1 },
    });
    expect(config.secrets.map((one: Secret) => one.reveal())).toEqual(['hush of the tests']);
    expect(chosen['bus']?.options).toEqual({ url: 'amqp://x', heartbeat: 10 });
    expect(selected['compute']?.active.map(({ declared, options }) => [declared.name, options])).toEqual([
      ['cpu', { depth: 7 }],
      ['net', {}],
    ]);
  });

  it('treats a section without keys as missing', async () => {
    const { config } = await read(`${minimal}compute:\nlog:\n`);
    expect(config.compute.limit).toBe(5);
  });

  it('reports every mistake at once, each with its path and place', async () => {
    expect(
      await mistakes(
        [
          'secrets: short', // 1
          'source: [a]', // 2
          'comptue: {}', // 3
          'bus:', // 4
          '  hartbeat: 5', // 5
          'log:', // 6
          '  level: loud', // 7
          'compute:', // 8
          '  intervall: 5m', // 9
          '  interval: soon', // 10
          '  limit: 0', // 11
          '  disabled: [nope]', // 12
          '  groups:', // 13
          '    - name: fast', // 14
          '      meter: [cpu]', // 15
          '  pollsters:', // 16
          '    cpu: { depth: deep }', // 17
          '    memory: {}', // 18
          'status: { port: 70000 }', // 19
        ].join('\n'),
        { NEPHOSCOPE_STATUS__ADDRESS: '5' },
      ),
    ).toEqual([
      "secrets: use at least 8 characters, such as those of 'openssl rand -hex 32' (FILE:1)",
      'source: must be a text, not a list (FILE:2)',
      "log.level: must be one of 'debug', 'info', 'warn', 'error', not 'loud' (FILE:7)",
      "compute.interval: must be a time span such as 10s, 5m or 1h, not 'soon' (FILE:10)",
      'compute.limit: must be a whole number of at least 1, not 0 (FILE:11)',
      'compute.groups[0].meters: is required: a list of texts (FILE:14)',
      "compute.groups[0].meter: there is no such key; did you mean 'meters'? (FILE:15)",
      "compute.intervall: there is no such key; did you mean 'interval'? (FILE:9)",
      'status.address: must be a text, not 5: put it in quotes (NEPHOSCOPE_STATUS__ADDRESS)',
      'status.port: must be a whole number from 0 to 65535, not 70000 (FILE:19)',
      "comptue: there is no such key; did you mean 'compute'? (FILE:3)",
      'bus.url: is required: a text (FILE:4)',
      "bus.hartbeat: there is no such key; did you mean 'heartbeat'? (FILE:5)",
      "compute.disabled[0]: no plugin 'nope' is installed for 'poll.compute' (installed: broken, cpu, net) (FILE:12)",
      "compute.pollsters.memory: no plugin 'memory' is installed for 'poll.compute' (installed: broken, cpu, net) (FILE:18)",
      "compute.pollsters.cpu.depth: must be a whole number, not 'deep' (FILE:17)",
    ]);
  });

  it('reports mistakes in the lists of plugins as well as in their options', async () => {
    expect(
      await mistakes(
        `${minimal}compute:\n  enabled: [cpu, cpus]\n  disabled: [nope]\n  pollsters:\n    cpu: { depth: deep, deth: 1 }\n    memory: {}\n`,
      ),
    ).toEqual([
      "compute.enabled[1]: no plugin 'cpus' is installed for 'poll.compute' (installed: broken, cpu, net) (FILE:4)",
      "compute.disabled[0]: no plugin 'nope' is installed for 'poll.compute' (installed: broken, cpu, net) (FILE:5)",
      "compute.pollsters.memory: no plugin 'memory' is installed for 'poll.compute' (installed: broken, cpu, net) (FILE:8)",
      "compute.pollsters.cpu.depth: must be a whole number, not 'deep' (FILE:7)",
      "compute.pollsters.cpu.deth: there is no such key; did you mean 'depth'? (FILE:7)",
    ]);
  });

  it('reports the number of further mistakes, and none of them partially', async () => {
    await writeFile(
      path,
      `${minimal}log: { level: 1 }\n${Array.from({ length: 60 }, (_, at) => `wrong${at}: 1\n`).join('')}`,
    );
    const told = describeError(
      await readConfig(path, {})
        .then((raw) => configure(program, raw))
        .catch((error: unknown) => error),
    ).split('\n');
    expect(told[0]).toBe('the configuration has 61 mistakes:');
    expect(told.at(-1)).toBe(`  and ${61 - (told.length - 2)} more`);
    expect(told.slice(1, -1).every((line) => line.endsWith(')'))).toBe(true);
  });

  it('lists the required keys if there is no similar one', async () => {
    expect(await mistakes('source: a\n')).toEqual([
      'secrets: is required: a text or a list of texts (FILE)',
      'bus.url: is required: a text (FILE)',
    ]);
    expect(await mistakes('secrets:\nbus: { url: x }')).toEqual([
      'secrets: is required: a text or a list of texts (FILE:1)',
    ]);
    expect(await mistakes('secrets: []\nbus: { url: x }')).toEqual(['secrets: give at least one (FILE:1)']);
    expect(await mistakes('secrets: [92345678, 1]\nbus: { url: x }')).toEqual([
      "secrets[1]: use at least 8 characters, such as those of 'openssl rand -hex 32' (FILE:1)",
    ]);
    expect(await mistakes('secrets: { a: b }\nbus: { url: x }')).toEqual([
      'secrets: must be a text or a list of texts, not a mapping (FILE:1)',
    ]);
  });

  it('names a plugin in a section that is not installed', async () => {
    expect(await mistakes('secrets: hush of the tests\nbus: { type: kafka, url: x }')).toEqual([
      "bus.type: no plugin 'kafka' is installed for 'bus' (installed: 'amqp'); install its package beside this program (FILE:2)",
    ]);
  });

  it('refuses two active plugins that declare the same meter, and names both', async () => {
    await writeTree(folder.path, {
      'node_modules/plugins/cpu.js': pollsterSource('', '', 'instance:<flavor>'),
      'node_modules/plugins/net.js': pollsterSource('', '', 'instance:<type>'),
    });
    expect(await mistakes(minimal)).toEqual([
      "compute.disabled: the plugins 'cpu' and 'net' both declare the meter 'instance:<type>': disable one of them (FILE)",
    ]);
    await expect(read(`${minimal}compute: { disabled: [net] }\n`)).resolves.toBeDefined();
  });

  it('ignores the sections of other programs, but no unknown ones', async () => {
    await expect(read(`${minimal}collector: { anything: 1 }\nstorage: 5\ncentral: {}\n`)).resolves.toBeDefined();
    expect(await mistakes(`${minimal}storrage: {}\n`)).toHaveLength(1);
    expect(await mistakes(`${minimal}toString: {}\n`)).toHaveLength(1);
  });

  it('keeps the digits of secrets as they are written', async () => {
    const secrets = async (yaml: string, environment: NodeJS.ProcessEnv = {}) =>
      (await read(`bus: { url: x }\n${yaml}`, environment)).config.secrets.map((one) => one.reveal());
    expect(await secrets('secrets: [00123456789, 12345678901234567890123, 87654321]')).toEqual([
      '00123456789',
      '12345678901234567890123',
      '87654321',
    ]);
    expect(await secrets('', { NEPHOSCOPE_SECRETS: 'abc: #1 x' })).toEqual(['abc: #1 x']);
    expect(await secrets('', { NEPHOSCOPE_SECRETS: '0012345678' })).toEqual(['0012345678']);
    expect(await secrets('', { NEPHOSCOPE_SECRETS: '[new secret, old secret]' })).toEqual([
      'new secret',
      'old secret',
    ]);
  });

  it('never prints a secret', async () => {
    const { config } = await read('secrets: [hush hush hush, 1234567899]\nbus: { url: x }');
    expect(`${inspect(config, { depth: 9 })} ${JSON.stringify(config)} ${config.secrets.join()}`).not.toMatch(
      /hush|1234567899/,
    );
    for (const text of [
      'secrets: [hush]',
      'secrets: { a: hush }',
      'secrets: [[hush]]',
      'secrets: hush\nlog: { level: 1 }',
    ]) {
      const error: unknown = await read(`bus: { url: x }\n${text}`).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ConfigInvalid);
      expect(`${describeError(error)} ${inspect(error, { depth: 9 })} ${JSON.stringify(error)}`).not.toContain(
        'hush',
      );
    }
  });

  it('does not import the code of a plugin that is disabled', async () => {
    const imported = () => 'brokenWasImported' in globalThis;
    Reflect.deleteProperty(globalThis, 'brokenWasImported');
    const disabled = await read(`${minimal}compute: { disabled: [broken, net] }\n`);
    expect(disabled.selected['compute']?.inactive.map(({ declared, reason }) => [declared.name, reason])).toEqual([
      ['broken', 'disabled in the configuration (compute.disabled)'],
      ['net', 'disabled in the configuration (compute.disabled)'],
    ]);
    const enabled = await read(`${minimal}compute: { enabled: [cpu] }\n`);
    expect(enabled.selected['compute']?.active.map(({ declared }) => declared.name)).toEqual(['cpu']);
    expect(enabled.selected['compute']?.inactive[0]?.reason).toBe(
      'not enabled in the configuration (compute.enabled)',
    );
    expect(imported()).toBe(false);

    // The check works: if it is not disabled, it is imported, and only it fails.
    const all = await read(minimal);
    expect(imported()).toBe(true);
    expect(all.selected['compute']?.active.map(({ declared }) => declared.name)).toEqual(['cpu', 'net']);
    expect(all.selected['compute']?.inactive).toMatchObject([
      { declared: { name: 'broken' }, failure: { code: 'PLUGIN_IMPORT', cause: { message: 'out of order' } } },
    ]);
  });

  it('fails if the plugin that a section requires cannot be imported', async () => {
    await writeTree(folder.path, { 'node_modules/plugins/amqp.js': 'throw new Error("no bus");' });
    await expect(read(minimal)).rejects.toMatchObject({ code: 'PLUGIN_IMPORT', cause: { message: 'no bus' } });
  });

  it('creates a plugin with its options', async () => {
    const { chosen } = await read(minimal);
    const ignore = () => undefined;
    const settings = {
      logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
      clock: { now: () => 0n, monotonic: () => 0n, sleep: () => Promise.resolve() },
      host: 'h',
    };
    expect(createPlugin(chosen['bus'], settings)).toEqual({ url: 'amqp://x', heartbeat: 10 });
    expect(() => createPlugin(undefined, settings)).toThrow(TypeError);
  });
});
