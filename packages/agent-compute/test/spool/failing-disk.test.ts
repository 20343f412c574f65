import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

import { jest } from '@jest/globals';

import { metric } from '../support.js';
import { never, onDisk, openSpool, plain, textOf } from './support.js';
import { killed, newFolder, numbered, numbers, spooling } from './spooling.js';

/** The prototype of all open files, from a file of this folder. */
async function openFiles(folder: string) {
  const handle = await open(join(folder, readdirSync(folder)[0]!), 'r');
  await handle.close();
  return Object.getPrototypeOf(handle) as typeof handle;
}

describe('a disk that fails', () => {
  const mounted: string[] = [];
  afterEach(() => {
    for (const place of mounted.splice(0)) execFileSync('umount', ['--lazy', place]);
  });
  function disk(size: string): string {
    const place = newFolder();
    mkdirSync(place);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', place]);
    mounted.push(place);
    return place;
  }

  it('during a write leaves no part of it behind, and accepts the next one when there is space', async () => {
    const folder = disk('64k');
    const { append, records, send, spool } = await spooling({ folder });
    await append(...numbered(1, 1, 10_000));
    await expect(append(...numbered(2, 3, 30_000))).rejects.toMatchObject({
      code: 'SPOOL_UNAVAILABLE',
      message: expect.stringContaining('free space, or fix'),
      cause: expect.objectContaining({ code: 'ENOSPC' }),
    });
    expect(records()).toHaveLength(3);
    expect(onDisk(folder)[0]).toMatchObject({ torn: 0 });
    expect(spool.sequence).toBe(1n);
    await append(...numbered(2, 1, 10_000));
    const { bus, sender } = send();
    await sender.flush(never);
    expect(numbers(bus.confirmed)).toEqual([1, 2]);
  });

  it('is reported if it is read-only', async () => {
    const folder = disk('64k');
    execFileSync('mount', ['-o', 'remount,ro', folder]);
    await expect(openSpool({ folder })).rejects.toMatchObject({
      code: 'SPOOL_UNAVAILABLE',
      cause: expect.objectContaining({ code: 'EROFS' }),
    });
  });

  it('during a sync causes another attempt, and no sequence number is stored twice', async () => {
    const { append, folder, records, send } = await spooling();
    await append(...numbered(1, 1));
    const files = await openFiles(folder);
    const eio = Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
    jest.spyOn(files, 'datasync').mockRejectedValueOnce(eio);
    await expect(append(...numbered(2, 1))).rejects.toMatchObject({ code: 'SPOOL_UNAVAILABLE', cause: eio });
    await append(...numbered(2, 1));
    expect(records().filter(({ kind }) => kind === 'message')).toHaveLength(2);
    const { bus, sender } = send();
    await sender.flush(never);
    expect(numbers(bus.confirmed)).toEqual([1, 2]);
  });

  it('and cannot truncate a partial write ends its segment there; the next ones are in another segment', async () => {
    const { append, folder, send, registry } = await spooling();
    await append(...numbered(1, 1));
    const files = await openFiles(folder);
    jest.spyOn(files, 'datasync').mockRejectedValueOnce(new Error('EIO'));
    jest.spyOn(files, 'truncate').mockRejectedValueOnce(new Error('EIO'));
    await expect(append(...numbered(2, 1))).rejects.toMatchObject({ code: 'SPOOL_UNAVAILABLE' });
    await append(...numbered(2, 1));
    expect(readdirSync(folder)).toHaveLength(2);
    const { bus, sender } = send();
    await sender.flush(never);
    expect(numbers(bus.confirmed)).toEqual([1, 2]);
    expect(await metric(registry, 'nephoscope_unsent_samples')).toBe(0);
  });

  it('and keeps a partial write does not restore messages whose numbers were reused', async () => {
    const { append, folder, send } = await spooling({ maxBytes: 2 ** 20 });
    await append(...numbered(1, 1));
    const files = await openFiles(folder);
    jest.spyOn(files, 'datasync').mockRejectedValue(new Error('EIO'));
    jest.spyOn(files, 'truncate').mockRejectedValue(new Error('EIO'));
    for (const text of ['never taken', 'nor this']) await expect(append(plain(text, 2n))).rejects.toThrow();
    jest.restoreAllMocks();
    await append(plain('taken', 2n));
    const copies = [killed({ folder })];
    await append(plain('then', 3n));
    copies.push(killed({ folder }));
    const { bus, sender } = send();
    await sender.flush(never);
    expect(bus.confirmed.map(textOf).slice(1)).toEqual(['taken', 'then']);
    for (const copy of copies) {
      const after = await spooling({ folder: copy });
      const again = after.send();
      await again.sender.flush(never);
      expect(again.bus.confirmed.map(textOf).slice(1, 2)).toEqual(['taken']);
      expect(again.bus.confirmed).toHaveLength(Number(after.spool.sequence));
      expect(after.told('warn')).toEqual([]);
    }
  });

  it('loses messages that can no longer be read, logs it, and sends the rest', async () => {
    const first = await spooling({ maxBytes: 16 * 100 });
    await first.append(...numbered(1, 2));
    await first.append(...numbered(3, 2));
    const copy = killed(first);
    const second = await spooling({ folder: copy, maxBytes: 16 * 100 });
    const [name] = readdirSync(copy).sort() as [string];
    truncateSync(join(copy, name), statSync(join(copy, name)).size - 5);
    const { bus, sender } = second.send();
    await sender.flush(never);
    expect(numbers(bus.confirmed)).toEqual([1, 3, 4]);
    expect(second.told('error')).toEqual([expect.stringContaining('1 messages in ')]);
    expect(await metric(second.registry, 'nephoscope_unsent_samples')).toBe(0);
  });
});
