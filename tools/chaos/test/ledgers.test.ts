import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import { Secret } from '@nephoscope/core/options';
import { createSigner, encodeMeteringBatch, signMeteringMessage } from '@nephoscope/message';

import { GeneratorLedger, readGeneratorLedger } from '../generator-ledger.js';
import { loadMaker } from '../load.js';
import { readSegmentContent, takenIn } from '../spool-ledger.js';

describe('the ledger of the load generator', () => {
  const make = loadMaker('of the tests of ledgers');
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'nephoscope-chaos-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('returns added and confirmed messages', async () => {
    const ledger = await GeneratorLedger.open(directory);
    await ledger.add([make(0), make(1)]);
    await ledger.confirm(1);
    await ledger.close();
    const { messages, confirmed } = await readGeneratorLedger(directory);
    expect(messages.map(({ number }) => number)).toEqual([0, 1]);
    expect(messages.every(({ good, body }) => good.every((id) => body.includes(id)))).toBe(true);
    expect([...confirmed]).toEqual([1]);
  });

  it('drops a message that a killed generator did not finish, and continues after the last complete one', async () => {
    const first = await GeneratorLedger.open(directory);
    await first.add([make(0)]);
    await first.close();
    await appendFile(join(directory, 'messages.ndjson'), JSON.stringify(make(1)).slice(0, -7));
    expect((await readGeneratorLedger(directory)).messages).toHaveLength(1);
    const second = await GeneratorLedger.open(directory);
    await second.add([make(1)]);
    await second.close();
    expect((await readGeneratorLedger(directory)).messages.map(({ number }) => number)).toEqual([0, 1]);
  });

  it('is empty if nothing was written', async () => {
    expect(await readGeneratorLedger(directory)).toEqual({ messages: [], confirmed: new Set() });
  });
});

describe('the ledger of an agent', () => {
  const signer = createSigner({ secret: new Secret('of the tests of ledgers'), form: 'canonical' });

  function line(sequence: bigint, messageId = `message ${sequence}`): string {
    const counter = {
      ...({ name: 'cpu', type: 'cumulative', unit: 'ns', volume: 1n, userId: null, projectId: null } as const),
      ...{ resourceId: 'one', timestamp: 1_800_000_000_000_000_000n, resourceMetadata: {} },
    };
    return signMeteringMessage(
      counter,
      { source: 'test', messageId, publisherId: 'compute.one/1', sequence },
      signer,
    );
  }

  /** Encodes as documented, independently of the agent's code: 4 bytes of length, 4 of CRC-32, a line of JSON, the body. */
  function record(head: object, body: Uint8Array = new Uint8Array()): Buffer {
    const payload = Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), body]);
    const start = Buffer.alloc(8);
    start.writeUInt32LE(payload.length, 0);
    start.writeUInt32LE(crc32(payload), 4);
    return Buffer.concat([start, payload]);
  }

  function segment(...bodies: (readonly string[])[]): Buffer {
    return Buffer.concat([
      record({ kind: 'segment', version: 1, sequence: '0' }),
      ...bodies.map((lines, index) =>
        record(
          {
            ...{ kind: 'message', exchange: 'ceilometer', routingKey: 'metering.cpu' },
            ...{ contentType: 'application/x-ndjson', samples: lines.length, last: String(index) },
          },
          encodeMeteringBatch(lines),
        ),
      ),
      record({ kind: 'confirmed' }),
    ]);
  }

  it('returns the samples of all segments, each once', () => {
    const first = readSegmentContent('1', segment([line(1n), line(2n)], [line(3n)]));
    const second = readSegmentContent('2', segment([line(3n), line(4n)]));
    expect(takenIn([second, first])).toEqual({
      ids: ['message 3', 'message 4', 'message 1', 'message 2'],
      problems: [],
    });
  });

  it('ignores a truncated end', () => {
    const whole = segment([line(1n)]);
    const cut = Buffer.concat([whole, segment([line(2n)]).subarray(0, -60)]);
    expect(takenIn([readSegmentContent('1', cut)]).ids).toEqual(['message 1']);
  });

  it('reports missing and duplicate sequence numbers', () => {
    const gaps = takenIn([readSegmentContent('1', segment([line(2n), line(5n)]))]);
    expect(gaps.problems).toEqual(['compute.one/1: no numbers 1 to 1', 'compute.one/1: no numbers 3 to 4']);
    const twice = takenIn([readSegmentContent('1', segment([line(1n), line(1n, 'another')]))]);
    expect(twice.problems).toEqual(['compute.one/1: number 1 was given to message 1 and another']);
  });
});
