import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import type { Counter } from '@nephoscope/core';
import { maxMeteringLineBytes, readMeteringMessage } from '@nephoscope/message';
import { FakeBus } from '@nephoscope/testing';

import { encodeRecords } from '../../src/spool/record.js';
import type { SpoolMessage } from '../../src/spool/record.js';
import { counted, metric, refuse, until } from '../support.js';
import { counterAt, never, onDisk, plain, textOf } from './support.js';
import { killed, newFolder, numbered, numbers, spooling } from './spooling.js';

describe('a restart', () => {
  it('after everything was confirmed sends nothing, and keeps one small file', async () => {
    const first = await spooling();
    await first.append(...numbered(1, 3));
    const { sender } = first.send();
    await sender.flush(never);
    sender.stop();
    await first.spool.close();
    const second = await spooling({ folder: first.folder });
    expect(second.spool.isEmpty).toBe(true);
    expect(second.spool.sequence).toBe(3n);
    const { bus } = second.send();
    await second.append(...numbered(4, 1));
    await until('the new one is sent', () => bus.confirmed.length === 1);
    expect(numbers(bus.offered)).toEqual([4]);
    await until('the old file is gone', () => onDisk(first.folder).length === 1);
    expect(second.records()[0]).toEqual({ kind: 'segment', sequence: 3n, before: { segment: 1, appends: 1 } });
  });

  it('after kill -9 sends unconfirmed messages again, unchanged, and continues their sequence numbers', async () => {
    const first = await spooling();
    await first.append(...numbered(1, 5));
    const bus = new FakeBus();
    bus.answer = ({ body }) => (textOf({ body }).endsWith('3') ? refuse() : Promise.resolve());
    first.send(bus);
    await until('four are confirmed', () => bus.confirmed.length === 4);
    const second = await spooling({ folder: killed(first) });
    expect(second.spool.sequence).toBe(5n);
    const again = second.send();
    await again.sender.flush(never);
    expect(numbers(again.bus.confirmed)).toEqual([1, 2, 3, 4, 5]);
  });

  it('after kill -9 sends a sample of the maximum size unchanged, among small ones', async () => {
    const first = await spooling();
    const { clock, write } = first;
    const sample = (resourceId: string, text: string): Counter => ({
      ...counterAt(clock, 'cpu', 'cumulative', 1n, resourceId),
      resourceMetadata: { text },
    });
    const [small] = write([sample('vm-1', 'é')]) as [SpoolMessage];
    // Characters of two bytes, as many as fit.
    const room = (maxMeteringLineBytes - (small.body.length - 1) + 2) >> 1;
    const messages = write([
      sample('vm-0', 'é'),
      sample('vm-1', 'é'.repeat(room)),
      sample('vm-2', 'é'.repeat(room + 1)),
      sample('vm-3', 'é'),
    ]);
    const lines = messages.flatMap((one) => textOf(one).split('\n').filter(Boolean));
    expect(lines.map((line) => readMeteringMessage(line).sample.resourceId)).toEqual(['vm-0', 'vm-1', 'vm-3']);
    expect(Buffer.byteLength(lines[1]!)).toBeGreaterThan(maxMeteringLineBytes - 2);
    await first.append(...messages);
    const second = await spooling({ folder: killed(first) });
    const { bus, sender } = second.send();
    await sender.flush(never);
    expect(bus.confirmed.map(({ body }) => Buffer.from(body))).toEqual(
      messages.map(({ body }) => Buffer.from(body)),
    );
  });

  it('after kill -9 sends only unconfirmed messages, even if they begin in the middle of a large segment', async () => {
    const first = await spooling();
    const mebibytes = 100_000;
    await first.append(...numbered(1, 25, mebibytes));
    const { sender } = first.send();
    await sender.flush(never);
    sender.stop();
    await until('it is noted', () => first.records().at(-1)?.kind === 'confirmed');
    await first.append(...numbered(26, 25, mebibytes));
    const second = await spooling({ folder: killed(first) });
    const again = second.send();
    await again.sender.flush(never);
    expect(numbers(again.bus.offered)).toEqual(counted(25).map((at) => at + 25));
    expect(second.told('error')).toEqual([]);
  });

  it.each([0, 1, 7, 8, 9, 60, 120])(
    'drops a last record of which %i bytes were written, which is no loss',
    async (bytes) => {
      const first = await spooling();
      await first.append(...numbered(1, 2));
      const copy = killed(first);
      const [name] = readdirSync(copy) as [string];
      const record = encodeRecords([{ kind: 'message', message: plain('torn', 3n) }]);
      appendFileSync(join(copy, name), record.subarray(0, bytes));
      const second = await spooling({ folder: copy });
      expect(await metric(second.registry, 'nephoscope_spool_torn_records_total')).toBe(0);
      expect(second.told('warn')).toEqual([]);
      expect(second.told('info')).toHaveLength(bytes === 0 ? 0 : 1);
      expect(second.spool.sequence).toBe(2n);
      await second.append(...numbered(3, 1));
      const { bus, sender } = second.send();
      await sender.flush(never);
      expect(numbers(bus.confirmed)).toEqual([1, 2, 3]);
      expect(await metric(second.registry, 'nephoscope_unsent_samples')).toBe(0);
    },
  );

  it('drops all of an append that lacks a byte, whatever its sequence numbers', async () => {
    const first = await spooling();
    await first.append(plain('1', 1n));
    const { size } = statSync(join(first.folder, readdirSync(first.folder)[0]!));
    await first.append(plain('24', 4n), plain('3', 3n), plain('5', 5n));
    const all = statSync(join(first.folder, readdirSync(first.folder)[0]!)).size;
    for (let left = size; left <= all; left += left === all - 1 ? 1 : 17) {
      const copy = killed(first);
      truncateSync(join(copy, readdirSync(copy)[0]!), Math.min(left, all));
      const second = await spooling({ folder: copy });
      const whole = left >= all;
      expect(second.spool.sequence).toBe(whole ? 5n : 1n);
      expect(second.told('warn')).toEqual([]);
      const { bus, sender } = second.send();
      await sender.flush(never);
      expect(bus.confirmed.map(textOf)).toEqual(whole ? ['1', '24', '3', '5'] : ['1']);
      // The dropped append stays dropped at the next start.
      await second.append(plain('2', 2n));
      const third = await spooling({ folder: killed(second) });
      expect(third.told('warn')).toEqual([]);
      expect(third.spool.sequence).toBe(whole ? 5n : 2n);
    }
  });

  it('drops all of an append with a gap that a power loss left', async () => {
    const first = await spooling();
    await first.append(...numbered(1, 1));
    await first.append(...numbered(2, 3, 9_000));
    const copy = killed(first);
    const path = join(copy, readdirSync(copy)[0]!);
    const bytes = readFileSync(path);
    const hole = bytes.indexOf('00003') - 4_500;
    writeFileSync(path, bytes.fill(0, hole, hole + 4_096));
    const second = await spooling({ folder: copy });
    expect([second.spool.sequence, second.told('warn')]).toEqual([1n, []]);
    const { bus, sender } = second.send();
    await sender.flush(never);
    expect(numbers(bus.confirmed)).toEqual([1]);
  });

  it('ignores zeros left by a power loss at the end, where a note of confirmation was not synced', async () => {
    const first = await spooling();
    await first.append(...numbered(1, 3));
    const { sender } = first.send();
    await sender.flush(never);
    await until('it is noted', () => first.records().at(-1)?.kind === 'confirmed');
    const copy = killed(first);
    const path = join(copy, readdirSync(copy)[0]!);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0, bytes.length - encodeRecords([{ kind: 'confirmed' }]).length));
    const second = await spooling({ folder: copy });
    expect(second.told('warn')).toEqual([]);
    expect(await metric(second.registry, 'nephoscope_spool_torn_records_total')).toBe(0);
    const again = second.send();
    await again.sender.flush(never);
    expect(numbers(again.bus.confirmed)).toEqual([1, 2, 3]);
    const third = await spooling({ folder: killed(second) });
    expect([third.told('warn'), third.told('info')]).toEqual([[], []]);
  });

  it('keeps the readable part of an accepted append that is damaged', async () => {
    const first = await spooling();
    await first.append(...numbered(1, 3));
    const second = await spooling({ folder: killed(first) });
    const copy = killed(second);
    const [name] = readdirSync(copy).sort() as [string];
    truncateSync(join(copy, name), statSync(join(copy, name)).size - 3);
    const third = await spooling({ folder: copy });
    expect(third.told('warn')).toEqual([`1 spool records are damaged and were skipped: ${join(copy, name)}`]);
    const { bus, sender } = third.send();
    await sender.flush(never);
    expect(numbers(bus.confirmed)).toEqual([1, 2]);
    expect(third.spool.sequence).toBe(3n);
  });

  it('reads each record of a file of the previous version', async () => {
    const folder = newFolder();
    mkdirSync(folder);
    const messages = numbered(1, 3).map((message) => ({ kind: 'message', message }) as const);
    const bytes = encodeRecords([{ kind: 'segment', sequence: 0n }, ...messages]);
    writeFileSync(join(folder, '0000000001-0000000001.seg'), bytes.subarray(0, -3));
    const { send, spool, told } = await spooling({ folder });
    const { bus, sender } = send();
    await sender.flush(never);
    expect([numbers(bus.confirmed), spool.sequence, told('warn')]).toEqual([[1, 2], 2n, []]);
  });

  it('skips a damaged record in the middle, and names the file', async () => {
    const first = await spooling();
    await first.append(...numbered(1, 3));
    const copy = killed(first);
    const path = join(copy, readdirSync(copy)[0]!);
    const bytes = readFileSync(path);
    bytes.write('X', bytes.indexOf('00000000000000000002'));
    writeFileSync(path, bytes);
    const second = await spooling({ folder: copy });
    expect(second.told('warn')).toEqual([`1 spool records are damaged and were skipped: ${path}`]);
    const { bus, sender } = second.send();
    await sender.flush(never);
    expect(numbers(bus.confirmed)).toEqual([1, 3]);
  });

  it('accepts a file without a header, an empty one, one of zeros, and leftovers', async () => {
    const folder = newFolder();
    mkdirSync(folder);
    writeFileSync(
      join(folder, '0000000001-0000000001.seg'),
      encodeRecords([{ kind: 'message', message: plain('1', 1n) }]),
    );
    writeFileSync(join(folder, '0000000002-0000000002.seg'), '');
    writeFileSync(join(folder, '0000000003-0000000003.seg'), Buffer.alloc(5000));
    writeFileSync(join(folder, '0000000001-0000000002.seg.tmp'), 'half');
    writeFileSync(join(folder, 'a note'), 'of the operator');
    const { send, spool } = await spooling({ folder });
    expect(spool.sequence).toBe(1n);
    const { bus, sender } = send();
    await sender.flush(never);
    expect(bus.confirmed.map(textOf)).toEqual(['1']);
    await until('they are gone', () => readdirSync(folder).length === 2);
    expect(readdirSync(folder).sort()).toEqual(['0000000004-0000000004.seg', 'a note']);
  });

  it('during a compaction uses the complete files, and sends each message once', async () => {
    const folder = newFolder();
    mkdirSync(folder);
    const write = (name: string, ...texts: string[]) =>
      writeFileSync(
        join(folder, name),
        encodeRecords([
          { kind: 'segment', sequence: 0n },
          ...texts.map((text) => ({ kind: 'message', message: plain(text, BigInt(text)) }) as const),
        ]),
      );
    write('0000000001-0000000001.seg', '1');
    // Renamed, but the files that it replaces are not deleted yet.
    write('0000000002-0000000004.seg', '2', '7');
    for (const number of [2, 3, 4]) write(`000000000${number}-000000000${number}.seg`, '2', '3');
    write('0000000005-0000000006.seg.tmp', '8');
    write('0000000005-0000000005.seg', '8');
    const { send } = await spooling({ folder });
    const { bus, sender } = send();
    await sender.flush(never);
    expect(numbers(bus.confirmed)).toEqual([1, 2, 7, 8]);
  });

  it('finds the last sequence number even if no segment has messages', async () => {
    const first = await spooling({ sequence: 7n });
    const second = await spooling({ folder: killed(first), sequence: 3n });
    expect(second.spool.sequence).toBe(7n);
    const third = await spooling({ folder: killed(first), sequence: 9n });
    expect(third.spool.sequence).toBe(9n);
  });
});
