import { crc32 } from 'node:zlib';

import fc from 'fast-check';

import { decodeRecord, encodeRecords } from '../../src/spool/record.js';
import type { SpoolRecord } from '../../src/spool/record.js';
import { isWithin, parseSegmentName, readSegment, segmentName } from '../../src/spool/segment.js';
import { plain } from './support.js';

const message = fc
  .record({
    exchange: fc.string(),
    routingKey: fc.string({ unit: 'binary' }),
    contentType: fc.string(),
    body: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    samples: fc.nat(),
    last: fc.bigInt({ min: 0n, max: 2n ** 64n }),
  })
  .map((one): SpoolRecord => ({ kind: 'message', message: one }));
const record = fc.oneof(
  message,
  fc.bigInt({ min: 0n, max: 2n ** 64n }).map((sequence): SpoolRecord => ({ kind: 'segment', sequence })),
  fc.constant<SpoolRecord>({ kind: 'confirmed' }),
);
const read = (bytes: Uint8Array) => readSegment(bytes).records.map((one) => one.record);
const report: SpoolRecord = {
  kind: 'message',
  message: { ...plain('x'), dropped: { meter: 'cpu', total: 2n ** 62n, from: 'a', to: 'b' } },
};

it('are read as they were written', () => {
  fc.assert(
    fc.property(fc.array(record), (records) => {
      const bytes = encodeRecords(records);
      expect(readSegment(bytes)).toMatchObject({ damaged: 0, torn: 0 });
      expect(read(bytes)).toEqual(records);
    }),
  );
  expect(read(encodeRecords([report]))).toEqual([report]);
});

it('begin with length and checksum, and a line that describes them', () => {
  const bytes = encodeRecords([{ kind: 'segment', sequence: 41n }]);
  expect(bytes.readUInt32LE(0)).toBe(bytes.length - 8);
  expect(bytes.toString('utf8', 8)).toBe('{"kind":"segment","version":1,"sequence":"41"}\n');
});

it('truncated at any byte lose only the last record', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 4 }), record, (records, last) => {
      const before = encodeRecords(records);
      const bytes = encodeRecords([...records, last]);
      for (let length = before.length; length < bytes.length; length++) {
        const cut = readSegment(bytes.subarray(0, length));
        expect(cut).toMatchObject({ damaged: 0, torn: length - before.length });
        expect(cut.records.map((one) => one.record)).toEqual(records);
      }
    }),
    { numRuns: 30 },
  );
});

it('with any byte changed lose at most that record and those after it', () => {
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 3, maxLength: 3 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (records, at, by) => {
        const bytes = encodeRecords(records);
        const place = at % bytes.length;
        bytes.writeUInt8(bytes.readUInt8(place) ^ by, place);
        const ends = records.map((_, index) => encodeRecords(records.slice(0, index + 1)).length);
        const hit = ends.findIndex((end) => place < end);
        const found = read(bytes);
        const { damaged, torn } = readSegment(bytes);
        expect(damaged > 0 || torn > 0).toBe(true);
        if (damaged > 0) expect(found).toEqual(records.filter((_, index) => index !== hit));
        else expect(found).toEqual(records.slice(0, hit));
      },
    ),
  );
});

it('with a damaged payload lose only that record', () => {
  const records: SpoolRecord[] = ['a', 'b', 'c'].map((text) => ({ kind: 'message', message: plain(text) }));
  const bytes = encodeRecords(records);
  bytes.writeUInt8(0, encodeRecords(records.slice(0, 1)).length + 20);
  expect(readSegment(bytes)).toMatchObject({ damaged: 1, torn: 0 });
  expect(read(bytes)).toEqual([records[0], records[2]]);
});

it.each([
  ['zeros', Buffer.alloc(4096)],
  ['an impossible length', Buffer.from('ffffffff00000000', 'hex')],
  ['a few bytes', Buffer.from([1, 2, 3])],
])('end before %s', (_, rest) => {
  const good = encodeRecords([{ kind: 'confirmed' }]);
  const found = readSegment(Buffer.concat([good, rest]));
  expect(found).toMatchObject({ torn: rest.length, damaged: 0 });
  expect(found.records).toHaveLength(1);
});

it.each([
  ['an unknown kind', '{"kind":"later"}\n'],
  ['an unknown version', '{"kind":"segment","version":2,"sequence":"1"}\n'],
  ['an invalid number', '{"kind":"segment","version":1,"sequence":"-1"}\n'],
  ['text that is not JSON', '{"kind\n'],
  ['null', 'null\n'],
  ['no line', '{}'],
  ['a message without a key', '{"kind":"message","exchange":"x","contentType":"x","samples":1,"last":"1"}\n'],
  [
    'a report without a total',
    '{"kind":"message","exchange":"x","routingKey":"x","contentType":"x","samples":1,"last":"0","dropped":{"meter":"x"}}\n',
  ],
])('with %s count as damaged', (_, payload) => {
  const forged = forge(Buffer.from(payload));
  expect(decodeRecord(forged, 0)).toEqual({ state: 'damaged', end: forged.length });
});

function forge(payload: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(payload.length, 0);
  head.writeUInt32LE(crc32(payload), 4);
  return Buffer.concat([head, payload]);
}

describe('the name of a segment', () => {
  it('contains its range', () => {
    const range = { first: 7, last: 12 };
    expect(segmentName(range)).toBe('0000000007-0000000012.seg');
    expect(parseSegmentName(segmentName(range))).toEqual(range);
    for (const name of ['7-12.seg', '0000000012-0000000007.seg', '0000000007-0000000012.seg.tmp', 'state.json'])
      expect(parseSegmentName(name)).toBeUndefined();
  });

  it.each([
    [3, 3, 2, 5, true],
    [2, 5, 2, 6, true],
    [2, 5, 2, 5, false],
    [1, 3, 2, 5, false],
    [6, 6, 2, 5, false],
  ])('of %i to %i is within %i to %i: %s', (first, last, outerFirst, outerLast, within) => {
    expect(isWithin({ first, last }, { first: outerFirst, last: outerLast })).toBe(within);
  });
});
