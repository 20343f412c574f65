import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import { RecordingLogger } from '@nephoscope/testing';
import { z } from 'zod';

import { StateFile } from '../../src/state/state-file.js';
import { temporaryFolder } from '../support.js';

const root = temporaryFolder();
let count = 0;
const newFolder = () => {
  const folder = join(root, String(++count));
  mkdirSync(folder);
  return folder;
};
const fileIn = (folder: string, logger = new RecordingLogger()) =>
  new StateFile(folder, 'state', z.object({ text: z.string() }), logger);
const member = (text: string) => `"text":${JSON.stringify(text)}`;

it('is a JSON object that ends with the checksum of the text before it, readable only by its user', async () => {
  const folder = newFolder();
  await fileIn(folder).write(member('é'));
  const text = readFileSync(join(folder, 'state.json'), 'utf8');
  const checksum = crc32('{"text":"é"').toString(16).padStart(8, '0');
  expect(text).toBe(`{"text":"é","crc32":"${checksum}"}\n`);
  expect(statSync(join(folder, 'state.json')).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['state.json']);
  expect(await fileIn(folder).read()).toEqual({ text: 'é' });
});

it('is also read without a checksum, as the previous version wrote it', async () => {
  const folder = newFolder();
  writeFileSync(join(folder, 'state.json'), '{"text":"old"}');
  expect(await fileIn(folder).read()).toEqual({ text: 'old' });
});

it('is restored from its copy when it is damaged, until it is written again', async () => {
  const folder = newFolder();
  const logger = new RecordingLogger();
  for (const text of ['one', 'two'])
    await fileIn(folder)
      .write(member(text))
      .catch(() => undefined);
  const file = fileIn(folder);
  await file.read();
  await file.write(member('three'));
  writeFileSync(join(folder, 'state.json'), 'half');
  const again = fileIn(folder, logger);
  expect(await again.read()).toEqual({ text: 'two' });
  expect(logger.entries.map(({ level }) => level)).toEqual(['error']);
  await again.write(member('four'));
  expect(readFileSync(join(folder, 'state.previous.json'), 'utf8')).toContain('two');
  await again.write(member('five'));
  expect(readFileSync(join(folder, 'state.previous.json'), 'utf8')).toContain('four');
});

describe('on a disk that becomes full', () => {
  const place = newFolder();
  beforeAll(() => execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', place]));
  afterAll(() => execFileSync('umount', ['--lazy', place]));

  it.each([1, 2, 7, 10])('keeps its previous contents if a write fails, with %i pages left', async (pages) => {
    const file = fileIn(place);
    await file.write(member('x'.repeat(40_000)));
    const { bavail, bsize } = statfsSync(place);
    writeFileSync(join(place, 'log'), Buffer.alloc((bavail - pages) * bsize));
    await expect(file.write(member('y'.repeat(45_000)))).rejects.toMatchObject({
      code: 'STATE_DIRECTORY',
      message: `the state directory ${place} cannot take state.json; free space, or fix its permissions`,
      cause: expect.objectContaining({ code: 'ENOSPC' }),
    });
    expect(await fileIn(place).read()).toEqual({ text: 'x'.repeat(40_000) });
    expect(readdirSync(place).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    rmSync(join(place, 'log'));
    await file.write(member('z'));
    expect(await fileIn(place).read()).toEqual({ text: 'z' });
  });
});
