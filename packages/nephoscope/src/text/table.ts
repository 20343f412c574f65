import { printable } from '@nephoscope/runtime';
import Table from 'cli-table3';

export interface Column {
  readonly head: string;
  readonly align?: 'left' | 'right';
}

const noLines = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
  ].map((name) => [name, '']),
);

// The table is truncated for display; the JSON is complete.
const longestCell = 500;

/** Columns as wide as they need to be, two blanks apart, a line a row, without a line end. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: columns.map(({ head }) => head),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    chars: { ...noLines, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  table.push(...rows.map((row) => row.map(cell)));
  return table.toString().replace(/ +$/gm, '');
}

/** Leading and trailing blanks, otherwise invisible, are shown as U+2420. */
function cell(text: string): string {
  return printable(text.length > longestCell ? `${text.slice(0, longestCell)}…` : text).replace(
    /^ +| +$/g,
    (blanks) => '\u2420'.repeat(blanks.length),
  );
}
