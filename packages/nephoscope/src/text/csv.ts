/** A number as text. A spreadsheet reads it as one, and does not run it. */
const number = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** What a spreadsheet would run as a formula, and the mark that makes it text. */
const formula = /^[=+\-@\t\r\n']/;
const special = /[",\r\n]/;

/**
 * A cell of CSV (RFC 4180). A text that a spreadsheet would run as a formula gets a leading `'`, and so does one that begins with
 * `'`: without one leading `'` it is the exact text again. Null is an empty cell, an empty text `""`. A first cell with `#` is quoted,
 * because a line that begins with `#` is not a row.
 */
export function csvCell(value: string | null | undefined): string {
  if (value === null || value === undefined) return '';
  if (value === '') return '""';
  const safe = formula.test(value) && !number.test(value) ? `'${value}` : value;
  return special.test(safe) || safe.startsWith('#') ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csvLine(cells: readonly (string | null | undefined)[]): string {
  return `${cells.map(csvCell).join(',')}\n`;
}
