import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { jest } from '@jest/globals';

import { AppendFile } from '../../src/disk/append-file.js';
import { encodeRecords, recordParts } from '../../src/spool/record.js';
import type { SpoolRecord } from '../../src/spool/record.js';

const folder = mkdtempSync(join(tmpdir(), 'nephoscope-append-'));
const path = join(folder, 'segment');
afterEach(() => jest.restoreAllMocks());
afterAll(() => rmSync(folder, { recursive: true }));

const message = (body: string): SpoolRecord => ({
  kind: 'message',
  message: {
    ...{ exchange: 'x', routingKey: 'metering.cpu', contentType: 'application/x-ndjson' },
    ...{ body: Buffer.from(body), samples: 1, last: 1n },
  },
});
const records = [message('one'), message('two'.repeat(100)), message('three')];

/** Writes part of the bytes, and the rest when asked again, as nearly full disks do. */
async function writeAtMost(bytes: number, calls = Number.POSITIVE_INFINITY): Promise<void> {
  const handle = await open(folder);
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  let call = 0;
  jest.spyOn(prototype, 'writev').mockImplementation(async function (this: FileHandle, buffers, position) {
    if (++call > calls) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
    const some = Buffer.concat(buffers as readonly Uint8Array[]).subarray(0, bytes);
    const { bytesWritten } = await this.write(some, 0, some.length, position ?? null);
    return { bytesWritten, buffers };
  });
}

describe('AppendFile', () => {
  it.each([1, 7, 100, 1_000])('appends everything even if the disk writes %d bytes at a time', async (bytes) => {
    const file = await AppendFile.create(path, recordParts([{ kind: 'segment', sequence: 41n }]));
    await writeAtMost(bytes);
    await file.append(recordParts(records));
    await file.close();
    const whole = encodeRecords([{ kind: 'segment', sequence: 41n }, ...records]);
    expect(readFileSync(path)).toEqual(whole);
    expect(file.size).toBe(whole.length);
  });

  it('removes a partial write, and later appends after the previous content', async () => {
    const file = await AppendFile.create(path, recordParts([{ kind: 'segment', sequence: 41n }]));
    await writeAtMost(7, 3);
    await expect(file.append(recordParts(records))).rejects.toThrow('no space');
    jest.restoreAllMocks();
    expect(readFileSync(path)).toEqual(encodeRecords([{ kind: 'segment', sequence: 41n }]));
    expect(file.isSound).toBe(true);
    await file.append(recordParts(records.slice(0, 1)));
    await file.close();
    expect(readFileSync(path)).toEqual(encodeRecords([{ kind: 'segment', sequence: 41n }, records[0]!]));
  });
});
