import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';

import { readConfig } from '../src/config-file.js';
import { temporaryFolder } from './deployment.js';

describe('readConfig', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let path: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
    path = join(folder.path, 'n.yaml');
  });
  afterEach(() => folder.remove());

  const read = async (text: string, environment: NodeJS.ProcessEnv = {}) => {
    await writeFile(path, text);
    return readConfig(path, environment);
  };

  it('reads values and reports the line of each', async () => {
    const raw = await read('# first\nsource: a\ncompute:\n  interval: 5m\n  enabled:\n    - cpu\n    - net\n');
    expect(raw.values).toEqual({ source: 'a', compute: { interval: '5m', enabled: ['cpu', 'net'] } });
    expect(raw.locate(['source'])).toBe(`${path}:2`);
    expect(raw.locate(['compute'])).toBe(`${path}:3`);
    expect(raw.locate(['compute', 'interval'])).toBe(`${path}:4`);
    expect(raw.locate(['compute', 'enabled', 1])).toBe(`${path}:7`);
  });

  it('reads anchors, aliases and merge keys, and reports where their values are written', async () => {
    const raw = await read(
      'base: &base\n  a: 1\n  list: [x]\nalias: *base\nmerged:\n  <<: *base\n  a: 2\nseveral: { <<: [*base, { b: 3 }] }\n',
    );
    expect(raw.values).toEqual({
      base: { a: 1, list: ['x'] },
      alias: { a: 1, list: ['x'] },
      merged: { a: 2, list: ['x'] },
      several: { a: 1, list: ['x'], b: 3 },
    });
    expect(raw.locate(['alias', 'list', 0])).toBe(`${path}:3`);
    expect(raw.locate(['merged', 'list'])).toBe(`${path}:3`);
    expect(raw.locate(['merged', 'a'])).toBe(`${path}:7`);
    expect(raw.locate(['several', 'b'])).toBe(`${path}:8`);
    expect((await read('"<<": x\n')).values).toEqual({ '<<': 'x' });
  });

  it('reports the nearest place to a missing key', async () => {
    const raw = await read('source: a\ncompute:\n  interval: 5m\n');
    expect(raw.locate(['compute', 'interval', 'deeper'])).toBe(`${path}:3`);
    expect(raw.locate(['compute', 'timeout'])).toBe(`${path}:2`);
    expect(raw.locate(['secrets'])).toBe(path);
  });

  it('reads an empty file, or one of comments only, as a configuration without keys', async () => {
    expect((await read('')).values).toEqual({});
    expect((await read('# nothing\n')).values).toEqual({});
  });

  it('names a missing file', async () => {
    await expect(readConfig(join(folder.path, 'none.yaml'), {})).rejects.toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringContaining(join(folder.path, 'none.yaml')),
      cause: { code: 'ENOENT' },
    });
  });

  it.each([
    ['a syntax error', 'a: 1\nb: [1,\nc: 2\n', ':3:1: '],
    [
      'an unclosed bracket',
      'a: [1, b\n- 2\nc: 3\n',
      ':2:1: a bracket or brace that was opened further up is not closed before this line',
    ],
    ['a key twice', 'a: 1\na: 2\n', ':2:1: '],
    ['an unknown YAML tag', 'a: 1\nb: !env X\n', ':2:4: '],
    ['several documents', 'a: 1\n---\nb: 1\n', ':2:1: '],
  ])('refuses %s, and names the line', async (_, text, place) => {
    await expect(read(text)).rejects.toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringContaining(path + place),
    });
  });

  it('reports all syntax errors at once and quotes nothing of the file', async () => {
    const failure = await read('secrets: "hush hush\nb: 1\n').catch((error: unknown) => error as Error);
    expect(failure).toBeInstanceOf(Error);
    expect(String(failure)).not.toContain('hush');
    const twice = await read('a: 1\na: 2\nb: 1\nb: 2\n').catch((error: unknown) => error as Error);
    expect(String(twice)).toMatch(/:2:1: .*\n.*:4:1: /);
  });

  it.each([
    'secrets: *hush\n',
    'secrets: [*hush]\n',
    'secrets: &a [*a, *hush]\n',
    'secrets: !hush x\n',
    'secrets: &hush [*hush]\n',
    'secrets: &hush { a: *hush }\n',
    'secrets: %hush\n',
    'secrets: @hush\n',
    'secrets: `hush\n',
    'secrets: "hush\n',
    'secrets: "\\hush"\n',
    'secrets: "hush" hush\n',
    'secrets: hush: hush\n',
    'secrets: [hush\n',
    'secrets: ]hush\n',
    'secrets: }hush[\n',
    'secrets: &hush &hush x\n',
    'secrets: |hush\n',
    'secrets: >hush\n hush\n',
    'secrets\n  hush: hush\nb: 1\n',
    'secrets: a\nhush\nb: 1\n',
    'secrets: a\n\thush: 1\n',
    'secrets: a\nhush: 1\nhush: 2\n',
    'secrets: a\n   hush: 1\n  hush: 2\n',
    '? [hush]\n: 1\n',
    '%hush hush\n---\na: 1\n',
    'secrets: !!int hush\n',
    'secrets: !!binary hush\n',
    '<<: hush\n',
    'a: 1\n...\nhush\n',
    `${'hush'.repeat(300)}: 1\n`,
    'hush',
  ])('never quotes the text of the file: %j', async (text) => {
    const failure = await read(text).then(
      (raw) => raw.values,
      (error: unknown) => error,
    );
    // Some of these are valid YAML, and are refused by the schema later.
    if (failure instanceof Error) {
      expect(inspect(failure, { depth: 9 })).not.toContain('hush');
      expect(failure.message).toMatch(
        /n\.yaml(:\d+:\d+: | is not a configuration| cannot be read: write out its aliases)/,
      );
    }
  });

  it.each([
    [0o644, ['read']],
    [0o604, ['read']],
    [0o666, ['read and change']],
    [0o640, []],
    [0o600, []],
  ])('warns if other users can access a file with secrets, mode %o', async (mode, may) => {
    for (const text of [
      'secrets: hush\n',
      'bus: { url: "amqp://me:hush@host/" }\n',
      'a: [{ password: hush }]\n',
    ]) {
      await writeFile(path, text);
      await chmod(path, mode);
      expect((await readConfig(path, {})).warnings).toEqual(
        may.map((what) => `every user of this host may ${what} ${path}, which holds secrets: chmod o-rwx ${path}`),
      );
    }
    await writeFile(path, 'bus: { url: "amqp://host/" }\n');
    expect((await readConfig(path, { NEPHOSCOPE_SECRETS: 'hush' })).warnings).toEqual([]);
  });

  it.each(['- a\n', 'just text\n', '5\n'])('refuses a top level without keys: %j', async (text) => {
    await expect(read(text)).rejects.toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringContaining('top level'),
    });
  });

  it('advises to quote a bare *', async () => {
    await expect(read('meters: [*]\n')).rejects.toMatchObject({ code: 'CONFIG_UNREADABLE' });
    await expect(read('meters: *all\n')).rejects.toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringContaining('in quotes'),
    });
  });

  it('keeps digits that a number would lose', async () => {
    const raw = await read(
      'a: 007\nb: 12345678901234567890\nc: 1e3\nd: 5\ne: 0.50\nf: 1.0\ng: "5"\nh: -3\ni: 0\n',
    );
    expect(raw.values).toEqual({
      a: '007',
      b: '12345678901234567890',
      c: '1e3',
      d: 5,
      e: 0.5,
      f: '1.0',
      g: '5',
      h: -3,
      i: 0,
    });
  });

  describe('environment variables', () => {
    it('override the file', async () => {
      const raw = await read('source: a\ncompute:\n  interval: 5m\n  timeout: 1s\n', {
        NEPHOSCOPE_COMPUTE__STATE_DIRECTORY: '/tmp/x',
        NEPHOSCOPE_COMPUTE__INTERVAL: '1m',
        NEPHOSCOPE_STATUS__PORT: '9000',
        OTHER_SOURCE: 'b',
      });
      expect(raw.values).toEqual({
        source: 'a',
        compute: { interval: '1m', timeout: '1s', stateDirectory: '/tmp/x' },
        status: { port: 9000 },
      });
      expect(raw.locate(['compute', 'interval'])).toBe('NEPHOSCOPE_COMPUTE__INTERVAL');
      expect(raw.locate(['compute', 'timeout'])).toBe(`${path}:4`);
      expect(raw.locate(['status', 'port'])).toBe('NEPHOSCOPE_STATUS__PORT');
    });

    it('are the reported place of a value within a list that they set', async () => {
      const raw = await read('', { NEPHOSCOPE_COMPUTE__ENABLED: '[cpu, nope]' });
      expect(raw.values).toEqual({ compute: { enabled: ['cpu', 'nope'] } });
      expect(raw.locate(['compute', 'enabled', 1])).toBe('NEPHOSCOPE_COMPUTE__ENABLED');
    });

    it('that set a section apply before those that set single keys, in whatever order they are', async () => {
      const raw = await read('bus: { type: amqp }', {
        NEPHOSCOPE_BUS__URL: 'amqp://y',
        NEPHOSCOPE_BUS: '{ type: memory, url: x }',
      });
      expect(raw.values).toEqual({ bus: { type: 'memory', url: 'amqp://y' } });
    });

    it('replace a value where they need a section', async () => {
      expect((await read('compute: 5\n', { NEPHOSCOPE_COMPUTE__INTERVAL: '1m' })).values).toEqual({
        compute: { interval: '1m' },
      });
      expect((await read('compute:\n', { NEPHOSCOPE_COMPUTE__INTERVAL: '1m' })).values).toEqual({
        compute: { interval: '1m' },
      });
    });

    it.each([
      ['abc: #1', 'abc: #1'],
      ['0012345678', '0012345678'],
      ['12345678901234567890', '12345678901234567890'],
      ['1e5', '1e5'],
      ['null', 'null'],
      ['~', '~'],
      ['', ''],
      ['*alias', '*alias'],
      ['[*alias]', '[*alias]'],
      ['{ not: closed', '{ not: closed'],
      ['- a', '- a'],
      ['sqlite:/x y', 'sqlite:/x y'],
      ['true', true],
      ['false', false],
      ['yes', 'yes'],
      ['15', 15],
      ['"15"', '15'],
      ['"true"', 'true'],
      ['"a"', '"a"'],
      ['-2', -2],
      ['0.5', 0.5],
      ['[a, 007, 7]', ['a', '007', 7]],
      ['{a: {b: [1]}}', { a: { b: [1] } }],
    ])('are read: %j as %j', async (text, value) => {
      expect((await read('', { NEPHOSCOPE_X: text })).values).toEqual({ x: value });
    });
  });
});
