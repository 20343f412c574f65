import { byteSize } from '../src/exports/options.js';

describe('byteSize', () => {
  it.each([
    ['4GiB', 4 * 2 ** 30],
    ['512 MiB', 512 * 2 ** 20],
    ['1.5KiB', 1536],
    ['512B', 512],
    [1048576, 1048576],
  ])('reads %s', (text, bytes) => {
    expect(byteSize().parse(text)).toBe(bytes);
  });

  it.each(['4GB', 'many', '', '-1GiB', '0MiB', 0])('refuses %s', (text) => {
    expect(byteSize().safeParse(text).success).toBe(false);
  });
});
