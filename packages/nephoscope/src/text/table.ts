import { printable } from '@nephoscope/runtime';
import stringWidth from 'string-width';

export interface Column {
  readonly head: string;
  readonly align?: 'left' | 'right';
}

// The table is truncated for display; the JSON is complete.
const longestCell = 500;

/** Columns as wide as necessary, two blanks apart, one line per row, without a line end. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const lines = [columns.map(({ head }) => head), ...rows].map((row) => row.map(sizedCell));
  const widths = columns.map((_, at) => lines.reduce((widest, line) => Math.max(widest, line[at]?.width ?? 0), 0));
  const padded = ({ text, width }: SizedCell, at: number) => {
    const blanks = ' '.repeat((widths[at] ?? width) - width);
    return columns[at]?.align === 'right' ? blanks + text : text + blanks;
  };
  return lines.map((line) => line.map(padded).join('  ').replace(/ +$/, '')).join('\n');
}

interface SizedCell {
  readonly text: string;
  /** In columns of the terminal. */
  readonly width: number;
}

function sizedCell(given: string): SizedCell {
  const text = cell(given);
  return { text, width: stringWidth(text) };
}

/** Leading and trailing blanks, otherwise invisible, are shown as U+2420. */
function cell(text: string): string {
  return printable(text.length > longestCell ? `${text.slice(0, longestCell)}…` : text).replace(
    /^ +| +$/g,
    (blanks) => '\u2420'.repeat(blanks.length),
  );
}
