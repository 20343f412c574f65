import fc from 'fast-check';

import { csvCell, csvLine } from '../src/csv.js';

it.each([
  ['=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
  ['+1+1', "'+1+1"],
  ['-2+3', "'-2+3"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\t=1', "'\t=1"],
  ["'quoted", "''quoted"],
  ['#end', '"#end"'],
  ['-5', '-5'],
  ['-1.5e-07', '-1.5e-07'],
  ['a "b", c', '"a ""b"", c"'],
  ['plain', 'plain'],
  ['a,b', '"a,b"'],
  ['two\nlines', '"two\nlines"'],
  ['=a,b', '"\'=a,b"'],
  ['-1+cmd', "'-1+cmd"],
  ['', '""'],
  [null, ''],
  [undefined, ''],
])('writes %j as %s', (text, cell) => {
  expect(csvCell(text)).toBe(cell);
});

it('no cell begins with a formula, and each can be converted back to its text', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'=+-@\t\r\n\'",#1e.a') }), (text) => {
      const line = csvLine([text]);
      const cell = line.slice(0, -1);
      const read = cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
      expect(/^[=+@\t\r\n]/.test(read)).toBe(false);
      if (read.startsWith('-')) expect(Number(read)).not.toBeNaN();
      expect(read.startsWith("'") ? read.slice(1) : read).toBe(text);
    }),
  );
});
