import { isBoundBy } from '../src/exports/message-bus.js';

describe('isBoundBy', () => {
  it.each([
    ['exact.key', ['exact.key'], ['exact', 'exact.key.more', 'exactxkey', '']],
    ['one.*.end', ['one.x.end', 'one..end'], ['one.end', 'one.x.y.end']],
    ['many.#', ['many', 'many.a', 'many.disk.read.bytes'], ['manya.b', 'other.many']],
    ['#.end', ['end', 'a.end', 'a.end.end'], ['end.a', 'a.ending']],
    ['#.a.#.b.*', ['a.b.c', 'x.a.a.b.b.c'], ['a.b', 'b.a.c']],
    ['#', ['', 'a', 'a.b'], []],
    ['*', ['', 'a'], ['a.b']],
    ['a.*b', ['a.*b'], ['a.xb']],
  ])('%s', (pattern, taken, refused) => {
    expect(taken.filter((key) => !isBoundBy(pattern, key))).toEqual([]);
    expect(refused.filter((key) => isBoundBy(pattern, key))).toEqual([]);
  });
});
