import fc from 'fast-check';
import { ArgumentError } from '../src/errors.js';
import { NameCache } from '../src/xdr/name-cache.js';
import { XdrError, XdrReader } from '../src/xdr/reader.js';
import { XdrWriter } from '../src/xdr/writer.js';

const INT32 = { min: -(2 ** 31), max: 2 ** 31 - 1 };
const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

interface WireType<T> {
  values: fc.Arbitrary<T>;
  write: (writer: XdrWriter, value: T) => void;
  read: (reader: XdrReader) => T;
}

const wireType = <T>(
  values: fc.Arbitrary<T>,
  write: (writer: XdrWriter, value: T) => void,
  read: (reader: XdrReader) => T,
): WireType<unknown> => ({ values, write, read }) as WireType<unknown>;

const string = wireType(
  fc.string({ unit: 'grapheme' }),
  (w, v) => w.string(v),
  (r) => r.string(),
);
const uint64 = wireType(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  (w, v) => w.uint64(v),
  (r) => r.uint64(),
);

const wireTypes: Record<string, WireType<unknown>> = {
  int32: wireType(
    fc.integer(INT32),
    (w, v) => w.int32(v),
    (r) => r.int32(),
  ),
  uint32: wireType(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    (w, v) => w.uint32(v),
    (r) => r.uint32(),
  ),
  int64: wireType(
    fc.bigInt(INT64),
    (w, v) => w.int64(v),
    (r) => r.int64(),
  ),
  uint64,
  double: wireType(
    fc.double(),
    (w, v) => w.double(v),
    (r) => r.double(),
  ),
  boolean: wireType(
    fc.boolean(),
    (w, v) => w.boolean(v),
    (r) => r.boolean(),
  ),
  string,
  uuid: wireType(
    fc.uuid(),
    (w, v) => w.uuid(v),
    (r) => r.uuid(),
  ),
  opaque: wireType(
    fc.uint8Array({ minLength: 7, maxLength: 7 }),
    (w, v) => w.opaque(v),
    (r) => new Uint8Array(r.opaque(7)),
  ),
  optional: wireType(
    fc.option(fc.string(), { nil: undefined }),
    (w, v) => w.optional(v, (s) => w.string(s)),
    (r) => r.optional((s) => s.string()),
  ),
  array: wireType(
    fc.array(fc.bigInt(INT64)),
    (w, v) => w.array(v, (item) => w.int64(item)),
    (r) => r.array(1_000, 8, (item) => item.int64()),
  ),
};

const values = fc
  .array(fc.constantFrom(...Object.keys(wireTypes)))
  .chain((names) => fc.tuple(...names.map((name) => wireTypes[name]!.values.map((value) => ({ name, value })))));

function encode(written: readonly { name: string; value: unknown }[], block?: number): Buffer {
  const writer = new XdrWriter(block);
  for (const { name, value } of written) wireTypes[name]!.write(writer, value);
  return writer.take();
}

describe('XDR', () => {
  it.each(Object.keys(wireTypes))('reads every %s that it wrote', (name) => {
    const { values: arbitrary, write, read } = wireTypes[name]!;
    fc.assert(
      fc.property(arbitrary, (value) => {
        const writer = new XdrWriter(8);
        write(writer, value);
        const bytes = writer.take();
        expect(bytes.length % 4).toBe(0);
        const reader = new XdrReader(bytes);
        expect(read(reader)).toEqual(value);
        reader.finish();
      }),
    );
  });

  it('encodes as RFC 4506 specifies', () => {
    const writer = new XdrWriter();
    writer.int32(-2);
    writer.uint64(2n ** 63n + 1n);
    writer.double(-1.5);
    writer.string('naïve');
    expect(writer.take().toString('hex')).toBe(
      'fffffffe' + '8000000000000001' + 'bff8000000000000' + '00000006' + '6e61c3af7665' + '0000',
    );
  });

  it('writes the same bytes wherever its buffer has to grow', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 0, max: 40 }), (written, block) => {
        expect(encode(written, block)).toEqual(encode(written));
      }),
    );
  });

  it('reads from any offset in a larger buffer', () => {
    fc.assert(
      fc.property(
        values,
        fc.uint8Array({ maxLength: 9 }),
        fc.uint8Array({ maxLength: 9 }),
        (written, before, after) => {
          const bytes = encode(written);
          const reader = new XdrReader(
            Buffer.concat([before, bytes, after]),
            before.length,
            before.length + bytes.length,
          );
          for (const { name, value } of written) expect(wireTypes[name]!.read(reader)).toEqual(value);
          reader.finish();
        },
      ),
    );
  });

  it('does not read past the end of its window, even if the buffer continues', () => {
    fc.assert(
      fc.property(
        values.filter((written) => written.length > 0),
        fc.integer({ min: 1, max: 4 }),
        (written, missing) => {
          const bytes = encode(written);
          const reader = new XdrReader(Buffer.concat([bytes, Buffer.alloc(64)]), 0, bytes.length - missing);
          expect(() => {
            for (const { name } of written) wireTypes[name]!.read(reader);
          }).toThrow(XdrError);
        },
      ),
    );
  });

  it('returns bytes that do not change later', () => {
    const writer = new XdrWriter(16);
    writer.string('first');
    const first = writer.take();
    writer.string('second, and longer than the block');
    expect(new XdrReader(first).string()).toBe('first');
    expect(new XdrReader(writer.take()).string()).toBe('second, and longer than the block');
  });

  it.each([
    ['a string longer than its limit', (reader: XdrReader) => reader.string(3)],
    ['a string longer than 4 MiB', (reader: XdrReader) => reader.string()],
    ['a list longer than its limit', (reader: XdrReader) => reader.array(3, 4, (item) => item.int32())],
    ['a list longer than the remaining bytes', (reader: XdrReader) => reader.count(0xffff_ffff, 4)],
  ])('refuses %s before reading any of it', (_, read) => {
    const bytes = Buffer.alloc(64);
    bytes.writeUInt32BE(0x7fff_ffff, 0);
    expect(() => read(new XdrReader(bytes))).toThrow(XdrError);
  });

  it('refuses to finish while bytes are left', () => {
    expect(() => new XdrReader(Buffer.alloc(4)).finish()).toThrow(XdrError);
  });

  it.each(['', '0d6b7e1c', '0d6b7e1c-3f5a-4c1e-9a77-2b5f0c7d9exx'])('refuses the UUID %p', (uuid) => {
    expect(() => new XdrWriter().uuid(uuid)).toThrow(ArgumentError);
  });

  it('refuses a string that libvirt would not accept', () => {
    expect(() => new XdrWriter().string('x'.repeat(4_194_305))).toThrow(ArgumentError);
  });
});

describe('NameCache', () => {
  it('returns the string for these bytes, whatever was looked up before', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string({ unit: 'binary' }),
            fc.string({ minLength: 60, maxLength: 70 }),
            fc.constantFrom('vcpu.0.time', 'vcpu.1.time'),
          ),
        ),
        (names) => {
          const cache = new NameCache();
          for (const name of [...names, ...names]) {
            const bytes = Buffer.from(`>${name}<`);
            expect(cache.get(bytes, 1, bytes.length - 2)).toBe(bytes.toString('utf8', 1, bytes.length - 1));
          }
        },
      ),
    );
  });
});
