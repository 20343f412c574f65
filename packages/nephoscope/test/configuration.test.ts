import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { readUpConfiguration } from '../src/configuration.js';

describe('readUpConfiguration', () => {
  const before = process.cwd();
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'nephoscope-configuration-'));
    process.chdir(directory);
  });
  afterEach(async () => {
    process.chdir(before);
    await rm(directory, { recursive: true, force: true });
  });

  const written = async (text: string) => {
    const path = join(directory, 'given.yaml');
    await writeFile(path, text);
    const told: string[] = [];
    return { raw: await readUpConfiguration(path, (line) => told.push(line)), told };
  };

  it('uses the in-process bus if no other is configured', async () => {
    expect((await written('secrets: [12345678x]')).raw.values['bus']).toEqual({ type: 'memory' });
    expect((await written('secrets: [12345678x]\nbus:')).raw.values['bus']).toEqual({ type: 'memory' });
    expect((await written('bus: { url: "amqp://x" }')).raw.values['bus']).toEqual({ url: 'amqp://x' });
  });

  it('never creates a secret for a configuration that was named', async () => {
    const { raw, told } = await written('source: mine');
    expect(raw.values).not.toHaveProperty('secrets');
    expect(told).toEqual([]);
    await expect(readUpConfiguration(join(directory, 'missing.yaml'), () => undefined)).rejects.toMatchObject({
      code: 'CONFIG_UNREADABLE',
    });
  });

  it('creates a configuration once, readable by its user only, and reports it', async () => {
    const told: string[] = [];
    const first = await readUpConfiguration(undefined, (line) => told.push(line));
    const again = await readUpConfiguration(undefined, (line) => told.push(line));
    expect(told).toEqual([expect.stringContaining('random secret')]);
    expect(again.values).toEqual(first.values);
    const path = join(directory, 'nephoscope-data', 'nephoscope.yaml');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, 'utf8')).toMatch(/^secrets: \["?[0-9a-f]{64}"?\]$/m);
    expect(first.values['secrets']).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
  });
});
